import { cpSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { appendMany, auditEntries, auditFiles, createTrail, draft, trailIn } from '../helpers/audit.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

interface Appended {
  /** The folder before the append and after it. */
  readonly before: string;
  readonly after: string;
}

/** A trail with so many entries, then an append of four more. */
async function appendFour(entries: number): Promise<Appended> {
  const { directory: after, trail } = createTrail();
  await appendMany(trail, entries);
  const before = temporaryFolder();
  cpSync(after, before, { recursive: true });
  await appendMany(trail, 4, entries + 1);
  return { before, after };
}

/** What a crash leaves: the file as given, the head of before. */
function leave({ before }: Appended, content: Buffer): string {
  const directory = temporaryFolder();
  cpSync(before, directory, { recursive: true });
  writeFileSync(join(directory, 'audit.jsonl'), content);
  return directory;
}

const names = (directory: string): unknown[] => auditEntries(directory).map(({ by }) => by);
const firstNames = (count: number): string[] => Array.from({ length: count }, (_, index) => `entry ${index + 1}`);
const wholeLines = (content: Buffer): number => content.toString('latin1').split('\n').length - 1;

async function expectGoesOn(directory: string, lines: number, told: string): Promise<void> {
  const { trail } = trailIn(directory);
  expect(await trail.check(), told).toMatchObject({ ok: true, entries: lines });
  await trail.append(draft({ by: 'later' }));
  expect(names(directory), told).toEqual([...firstNames(lines), 'later']);
  expect(await trail.check(), told).toMatchObject({ ok: true, entries: lines + 1 });
}

describe.each([0, 3, 40])('an append after %i entries that a crash interrupts', (entries) => {
  it('at any byte leaves the lines that are whole, and the next one cuts off the torn one', async () => {
    const appended = await appendFour(entries);
    const content = readFileSync(join(appended.after, 'audit.jsonl'));
    const size = entries === 0 ? 0 : readFileSync(join(appended.before, 'audit.jsonl')).length;
    const ends = [...content.keys()].filter((at) => at >= size && content[at] === 10);
    const lengths = [size, size + 1, ...ends.flatMap((at) => [at - 1, at, at + 1, at + 7]), content.length];
    for (const length of lengths.filter((bytes) => bytes <= content.length)) {
      const left = content.subarray(0, length);
      await expectGoesOn(leave(appended, left), wholeLines(left), `${length} of ${content.length} bytes`);
    }
  });

  it('with its power leaves zeros or anything else in the place of lines, which go', async () => {
    const appended = await appendFour(entries);
    const content = readFileSync(join(appended.after, 'audit.jsonl'));
    const size = entries === 0 ? 0 : readFileSync(join(appended.before, 'audit.jsonl')).length;
    for (const [from, to, left] of [
      [size, content.length, entries],
      [size + 10, size + 400, entries],
      [content.length - 100, content.length, entries + 3],
    ] as const) {
      const torn = Buffer.from(content).fill(0, from, to);
      await expectGoesOn(leave(appended, torn), left, `zeros from ${from} to ${to}`);
    }
  });

  it('before the head was written is whole, also when that happens again and again', async () => {
    const appended = await appendFour(entries);
    const directory = leave(appended, readFileSync(join(appended.after, 'audit.jsonl')));
    writeFileSync(join(directory, '.state', 'audit-head.next'), '{"versi');
    for (let again = 1; again <= 10; again++) {
      const head = join(directory, '.state', 'audit-head.json');
      const { trail } = trailIn(directory);
      await trail.check(); // Brings the head up to the end.
      const kept = readFileSync(head);
      await appendMany(trail, 4, entries + 1 + 4 * again);
      writeFileSync(head, kept);
    }
    expect(await trailIn(directory).trail.check()).toMatchObject({ ok: true, entries: entries + 44 });
  });
});

/** The steps of a rotation of two old files and a current one, each as the files that it moves. */
const steps: [string, string][] = [
  ['audit.1.jsonl', 'audit.2.jsonl'],
  ['audit.jsonl', 'audit.1.jsonl'],
  ['.state/audit-next.jsonl', 'audit.jsonl'],
];

describe('a rotation that a crash interrupts', () => {
  it.each([0, 1, 2, 3])('after %i of its steps is finished by whoever comes next', async (done) => {
    const options = { maxBytes: 16 * 1024, maxFiles: 3 };
    const { directory, trail } = createTrail(options);
    let count = 0;
    const before = temporaryFolder();
    const isRotating = (): boolean => {
      const size = readFileSync(join(directory, 'audit.jsonl')).length;
      return auditFiles(directory).length === 3 && count > 150 && size > 16 * 1024 - 350;
    };
    for (; count === 0 || !isRotating(); count++) await appendMany(trail, 1, count + 1);
    cpSync(directory, before, { recursive: true });
    await appendMany(trail, 2, count + 1);
    const [rotation] = readFileSync(join(directory, 'audit.jsonl'), 'utf8').split('\n');
    expect(JSON.parse(rotation ?? '')).toMatchObject({ action: 'rotate' });
    writeFileSync(join(before, '.state', 'audit-next.jsonl'), `${rotation}\n`);
    for (const [from, to] of steps.slice(0, done)) renameSync(join(before, from), join(before, to));
    const { trail: next } = trailIn(before, options);
    expect(await next.check()).toMatchObject({ ok: true });
    expect(existsSync(join(before, '.state', 'audit-next.jsonl'))).toBe(false);
    await next.append(draft({ by: `entry ${count + 1}` }));
    const told = auditEntries(before);
    expect(told.at(-1)?.by).toBe(`entry ${count + 1}`);
    expect(told).toEqual(auditEntries(directory).slice(0, -1));
    expect(await next.check()).toMatchObject({ ok: true, entries: told.length });
    rmSync(before, { recursive: true });
  });
});
