import { appendFileSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished, vi } from 'vitest';
import { CopyProcess } from '../../../../../dist/engines/sqlite/child/copier/copy-process.js';
import { openDatabase, setGeneration } from '../../../../helpers/live-database.js';
import { temporaryFolder } from '../../../../helpers/temporary-folder.js';

function createCopyProcess(): CopyProcess {
  const copies = new CopyProcess();
  onTestFinished(() => copies.end());
  return copies;
}

/** Bytes that tell every position of the file apart, and more than one buffer of them. */
const content = (bytes: number): Buffer => Buffer.from(Uint32Array.from({ length: bytes / 4 }, (_, at) => at).buffer);

it('copies every byte into a private file', async () => {
  const from = join(temporaryFolder(), 'from');
  writeFileSync(from, content(700_000), { mode: 0o666 });
  const to = join(temporaryFolder(), 'to');
  await createCopyProcess().copy({ from, to, log: false });
  expect(readFileSync(to).equals(readFileSync(from))).toBe(true);
  expect(statSync(to).mode & 0o777).toBe(0o600);
});

it.each([
  ['a file that is there', 'EEXIST', (to: string) => writeFileSync(to, 'kept')],
  ['a link that leads elsewhere', 'EEXIST', (to: string) => symlinkSync(join(temporaryFolder(), 'elsewhere'), to)],
  ['a directory', 'EEXIST', (to: string) => mkdirSync(to)],
])('is never put over %s', async (_what, code, prepare) => {
  const from = join(temporaryFolder(), 'from');
  writeFileSync(from, content(400));
  const to = join(temporaryFolder(), 'to');
  prepare(to);
  await expect(createCopyProcess().copy({ from, to, log: false })).rejects.toMatchObject({ code });
});

it('a fault is told with its code, and the next copy works', async () => {
  const copies = createCopyProcess();
  const folder = temporaryFolder();
  const [from, to] = [join(folder, 'from'), join(folder, 'to')];
  await expect(copies.copy({ from, to, log: false })).rejects.toMatchObject({ code: 'ENOENT' });
  writeFileSync(from, content(400));
  await copies.copy({ from, to, log: false });
  expect(readFileSync(to).equals(content(400))).toBe(true);
});

it('a process that died is replaced, and what it had begun is copied anew', async () => {
  const copies = createCopyProcess();
  const folder = temporaryFolder();
  const [from, to] = [join(folder, 'from'), join(folder, 'to')];
  writeFileSync(from, content(400));
  const { pid = 0 } = copies.warmUp();
  const copied = copies.copy({ from, to, log: false });
  process.kill(pid, 'SIGKILL');
  await copied;
  expect(readFileSync(to).equals(content(400))).toBe(true);
  expect(copies.warmUp().pid).not.toBe(pid);
});

it('of a log only what belongs to it is copied, not what an earlier and longer one has left behind', async () => {
  const live = openDatabase(join(temporaryFolder(), 'app.db'), { rows: 5_000 });
  live.pragma('wal_checkpoint(RESTART)');
  live.prepare('DELETE FROM items WHERE id = 1').run();
  const [from, to] = [`${live.name}-wal`, join(temporaryFolder(), 'copy-wal')];
  await createCopyProcess().copy({ from, to, log: true });
  const copied = readFileSync(to);
  expect(copied.length).toBeLessThan(statSync(from).size / 10);
  expect(copied.equals(readFileSync(from).subarray(0, copied.length))).toBe(true);
  // One frame for each page of the last commit, whose frame says how long the database is then.
  expect((copied.length - 32) % (24 + 4096)).toBe(0);
  expect(copied.readUInt32BE(copied.length - 4096 - 24 + 4)).toBe(live.pragma('page_count', { simple: true }));
});

it('an empty log is an empty copy', async () => {
  const live = openDatabase(join(temporaryFolder(), 'app.db'));
  setGeneration(live, 'checkpointed');
  live.pragma('wal_checkpoint(TRUNCATE)');
  const to = join(temporaryFolder(), 'copy-wal');
  await createCopyProcess().copy({ from: `${live.name}-wal`, to, log: true });
  expect(statSync(to).size).toBe(0);
});

it('a log that grows while it is copied is copied as far as it went at the start', async () => {
  const live = openDatabase(join(temporaryFolder(), 'app.db'));
  const whole = validLog(readFileSync(`${live.name}-wal`));
  const frames = Buffer.concat(Array.from({ length: 4_000 }, () => whole.subarray(32, 32 + 24 + 4096)));
  const [from, to] = [join(temporaryFolder(), 'log'), join(temporaryFolder(), 'copy-wal')];
  writeFileSync(from, Buffer.concat([whole.subarray(0, 32), frames, frames]));
  const { size } = statSync(from);
  const copied = createCopyProcess().copy({ from, to, log: true });
  await vi.waitFor(() => expect(existsSync(to) && statSync(to).size).toBeGreaterThan(0), { interval: 0 });
  appendFileSync(from, frames);
  await copied;
  expect(statSync(to).size).toBe(size);
});

it('a log that starts anew while it is copied is copied whole, as the old one or as the new one', async () => {
  const live = openDatabase(join(temporaryFolder(), 'app.db'));
  live.pragma('wal_autocheckpoint = 0');
  const copies = createCopyProcess();
  copies.warmUp();
  const log = `${live.name}-wal`;
  const seen = new Set<string>();
  for (let turn = 0; seen.size < 2; turn++) {
    live.exec('UPDATE items SET filler = zeroblob(60000); UPDATE items SET filler = zeroblob(10)');
    live.pragma('wal_checkpoint(RESTART)');
    const old = validLog(readFileSync(log));
    const to = join(temporaryFolder(), 'copy-wal');
    const copied = copies.copy({ from: log, to, log: true });
    await delay(turn % 40);
    setGeneration(live, `anew ${turn}`);
    await copied;
    const copy = readFileSync(to);
    const isOld = copy.equals(old);
    // Of the new one as much as was written by then; its last frame may be half written, and its checksum then says so.
    const whole = copy.subarray(0, Math.max(32, copy.length - 4096));
    expect(isOld || whole.equals(validLog(readFileSync(log)).subarray(0, whole.length))).toBe(true);
    seen.add(isOld ? 'old' : 'new');
  }
});

/** The header and the frames that carry its salts. */
function validLog(log: Buffer): Buffer {
  let end = 32;
  while (end < log.length && log.subarray(end + 8, end + 16).equals(log.subarray(16, 24))) end += 24 + 4096;
  return log.subarray(0, end);
}
