import { closeSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';

const pageSize = 4096;

/** Overwrites a page in the middle of a database that nobody has open. */
export function corruptMiddlePage(file: string): void {
  const page = Math.floor(statSync(file).size / pageSize / 2);
  overwrite(file, page * pageSize, Buffer.alloc(pageSize, 0x5a));
}

/** Overwrites the first bytes, so that SQLite does not know the file any more. */
export function destroyHeader(file: string): void {
  overwrite(file, 0, Buffer.alloc(100, 0x5a));
}

export function flipBit(file: string, position: number, bit: number): void {
  const bytes = readFileSync(file);
  bytes[position] = (bytes[position] ?? 0) ^ (1 << bit);
  writeFileSync(file, bytes);
}

function overwrite(file: string, offset: number, bytes: Buffer): void {
  const descriptor = openSync(file, 'r+');
  try {
    writeSync(descriptor, bytes, 0, bytes.length, offset);
  } finally {
    closeSync(descriptor);
  }
}
