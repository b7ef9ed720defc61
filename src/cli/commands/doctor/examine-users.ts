import { readdir, readFile, readlink } from 'node:fs/promises';
import { basename } from 'node:path';
import { systemCode } from '../../../errors.js';
import { mapLimited } from '../../../system/map-limited.js';
import { realPath } from '../../../system/real-path.js';
import { parallelReads, processIds } from '../../processes.js';
import { type Diagnosis, note } from './diagnosis.js';

/** A process with the files that it has open, by the paths to their descriptors. */
interface User {
  readonly id: number;
  /** Such as `node server.js`. */
  readonly name: string;
  readonly open: ReadonlyMap<string, string>;
}

/** Which other processes have the database open, as far as this user may see: also one that was deleted under them. */
export async function examineUsers(live: string): Promise<readonly Diagnosis[]> {
  const check = 'other_writers';
  const file = realPath(live);
  const seen = await usersOf(file);
  if (seen === null) return [note(check, 'Which processes have the database open cannot be told on this system.')];
  const { users, isBlind } = seen;
  const blind = isBlind ? ' Processes of other users cannot be seen.' : '';
  const present = users.filter(({ open }) => open.has(file));
  const lost = users.filter(({ open }) => open.has(deleted(file)));
  if (present.length === 0) return [...lost.map((user) => spellLost(user, file)), note(check, noOther(lost) + blind)];
  const names = present.map(({ id, name }) => `${id} (${name})`).join(', ');
  const message = `The database is open in ${present.length === 1 ? 'process' : 'processes'} ${names}.${blind}`;
  const fix = 'Nothing, if that is the application: it need not be stopped. Anything else that writes there, end.';
  return [...lost.map((user) => spellLost(user, file)), note(check, message, fix)];
}

const noOther = (lost: readonly User[]): string =>
  lost.length === 0 ? 'No other process has the database open.' : 'No other process has the file open that is there.';

/** As the kernel names a file that has no name any more. */
const deleted = (file: string): string => `${file} (deleted)`;

/** With the process goes the file: its bytes are on the disk for as long as somebody has it open. */
function spellLost({ id, name, open }: User, file: string): Diagnosis {
  const copy = (ending: string, from: string | undefined): string[] =>
    from === undefined ? [] : [`cp ${from} rescued.db${ending}`];
  // Its newest commits are in the log, which may still have its name.
  const log = open.get(deleted(`${file}-wal`)) ?? open.get(`${file}-wal`);
  const copies = [...copy('', open.get(deleted(file))), ...copy('-wal', log)];
  return {
    check: 'deleted_file',
    verdict: 'critical',
    message: `The database file was deleted, and process ${id} (${name}) still has it open: all of it is there.`,
    fix: `Do not stop that process: the file ends with it. Copy it out first: ${copies.join(' && ')}`,
  };
}

/** Null where there is no /proc. */
async function usersOf(file: string): Promise<{ users: readonly User[]; isBlind: boolean } | null> {
  const ids = await processIds();
  if (ids === null) return null;
  let isBlind = false;
  const others = ids.filter((id) => id !== process.pid);
  const users = await mapLimited(others, parallelReads, async (id) => {
    const descriptors = await readdir(`/proc/${id}/fd`).catch((error: unknown) => {
      isBlind ||= systemCode(error) === 'EACCES';
      return [];
    });
    const paths = descriptors.map((descriptor) => `/proc/${id}/fd/${descriptor}`);
    const targets = await Promise.all(paths.map(async (path) => [await readlink(path).catch(() => ''), path] as const));
    const open = new Map(targets);
    return open.has(file) || open.has(deleted(file)) ? [{ id, name: await nameOf(id), open }] : [];
  });
  return { users: users.flat(), isBlind };
}

/** The program and its script, and no other argument: there may be a secret among them. */
async function nameOf(id: number): Promise<string> {
  const line = await readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '');
  const [program = '', script = ''] = line.split('\0');
  return [basename(program), ...(script === '' || script.startsWith('-') ? [] : [script])].join(' ');
}
