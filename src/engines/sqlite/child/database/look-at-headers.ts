import { closeSync, openSync, readSync } from 'node:fs';
import { isLogHeader, logHeaderBytes } from '../copier/log-format.js';

/**
 * Entry of a process that looks at a database file and its log and ends at once: with 0 when SQLite finds something in
 * either of them, with 1 when it knows neither or cannot look. It holds no lock on them that closing them could drop.
 */
const [, , file = ''] = process.argv;
const magic = 'SQLite format 3\0';

function headOf(path: string, length: number): Buffer {
  const head = Buffer.alloc(length);
  const descriptor = openSync(path, 'r');
  try {
    readSync(descriptor, head, 0, length, 0);
    return head;
  } finally {
    closeSync(descriptor);
  }
}

const isKnown =
  headOf(file, magic.length).toString('latin1') === magic || isLogHeader(headOf(`${file}-wal`, logHeaderBytes));
process.exitCode = isKnown ? 0 : 1;
