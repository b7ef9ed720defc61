import { readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { appendMany, auditFiles, createTrail, draft, type TrailBench, trailIn } from '../helpers/audit.js';

const linesIn = (file: string): string[] => readFileSync(file, 'utf8').split('\n').slice(0, -1);
const writeLines = (file: string, lines: readonly string[]): void =>
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''));

/** Twenty lines in one file. */
async function twentyLines(): Promise<TrailBench & { file: string }> {
  const bench = createTrail();
  await appendMany(bench.trail, 20);
  return { ...bench, file: join(bench.directory, 'audit.jsonl') };
}

function edit(file: string, change: (lines: string[]) => string[]): void {
  writeLines(file, change(linesIn(file)));
}

const replaced = (lines: string[], line: number, change: (text: string) => string): string[] =>
  lines.map((text, index) => (index === line - 1 ? change(text) : text));
const swapped = (lines: string[], one: number, other: number): string[] =>
  lines.map(
    (text, index) => (index === one - 1 ? lines[other - 1] : index === other - 1 ? lines[one - 1] : text) ?? '',
  );

const otherHash = (line: string): string =>
  line.replace(/"previous":"(\w)/, (_match, digit) => `"previous":"${digit === '0' ? '1' : '0'}`);

/** Each edit, and what the check names; it names the same however the process looks that checks. */
const edits: [string, (lines: string[]) => string[], { line: number; what: string }][] = [
  [
    'a value in the middle',
    (lines) => replaced(lines, 7, (text) => text.replace('tester', 'x').replace('entry 7', 'entry 8')),
    { line: 7, what: 'altered' },
  ],
  [
    'one letter of the first line',
    (lines) => replaced(lines, 1, (text) => text.replace('entry', 'Entry')),
    { line: 1, what: 'altered' },
  ],
  [
    'one letter of the last line',
    (lines) => replaced(lines, 20, (text) => text.replace('entry', 'Entry')),
    { line: 20, what: 'altered' },
  ],
  [
    'a line before the last',
    (lines) => replaced(lines, 19, (text) => text.replace('entry', 'Entry')),
    { line: 19, what: 'altered' },
  ],
  ['the hash in a line', (lines) => replaced(lines, 9, (text) => otherHash(text)), { line: 9, what: 'altered' }],
  [
    'the hash in the last line',
    (lines) => replaced(lines, 20, (text) => otherHash(text)),
    { line: 20, what: 'altered' },
  ],
  [
    'the number of a line',
    (lines) => replaced(lines, 5, (text) => text.replace('"number":5', '"number":6')),
    { line: 5, what: 'altered' },
  ],
  [
    'a line that is no JSON any more',
    (lines) => replaced(lines, 4, (text) => text.slice(1)),
    { line: 4, what: 'altered' },
  ],
  [
    'a member that no entry has',
    (lines) => replaced(lines, 4, (text) => text.replace('{', '{"x":1,')),
    { line: 4, what: 'altered' },
  ],
  [
    'spaces between two members',
    (lines) => replaced(lines, 4, (text) => text.replace(',', ', ')),
    { line: 4, what: 'altered' },
  ],
  ['a line that is gone', (lines) => lines.toSpliced(7, 1), { line: 8, what: 'missing' }],
  ['several lines that are gone', (lines) => lines.toSpliced(7, 5), { line: 8, what: 'missing' }],
  ['the first line gone', (lines) => lines.slice(1), { line: 1, what: 'missing' }],
  ['the last line gone', (lines) => lines.slice(0, -1), { line: 20, what: 'missing' }],
  ['the last lines gone', (lines) => lines.slice(0, -6), { line: 15, what: 'missing' }],
  ['every line gone', () => [], { line: 1, what: 'missing' }],
  ['two neighbours that changed places', (lines) => swapped(lines, 11, 12), { line: 11, what: 'reordered' }],
  ['two lines that changed places', (lines) => swapped(lines, 3, 17), { line: 3, what: 'reordered' }],
  ['the last two that changed places', (lines) => swapped(lines, 19, 20), { line: 19, what: 'reordered' }],
  ['a line that is there twice', (lines) => lines.toSpliced(10, 0, lines[9] ?? ''), { line: 11, what: 'reordered' }],
  ['a line that nobody wrote', (lines) => lines.toSpliced(10, 0, '{}'), { line: 11, what: 'altered' }],
  [
    'lines at the end that no append made',
    (lines) => [...lines, ...Array.from({ length: 17 }, () => lines[0] ?? '')],
    { line: 21, what: 'reordered' },
  ],
];

describe('the check names', () => {
  it.each(edits)('%s', async (_what, change, named) => {
    const { trail, another, file } = await twentyLines();
    expect(await trail.check()).toMatchObject({ ok: true, entries: 20 });
    edit(file, change);
    const expected = { ok: false, problem: { file: 'audit.jsonl', ...named } };
    expect(await trail.check()).toMatchObject(expected);
    expect(await another().check()).toMatchObject(expected);
  });

  it('each byte that is changed, wherever it is', async () => {
    const { trail, file } = await twentyLines();
    const bytes = readFileSync(file);
    const starts = [...bytes.keys()].filter((at) => at === 0 || bytes[at - 1] === 10);
    for (let at = 3; at < bytes.length; at += 97) {
      const line = starts.filter((start) => start <= at).length;
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      writeFileSync(file, changed);
      const told = `byte ${at} of line ${line}`;
      expect(await trail.check(), told).toMatchObject({ ok: false, problem: { line, what: 'altered' } });
    }
    writeFileSync(file, bytes);
    expect(await trail.check()).toMatchObject({ ok: true });
  });

  it('a file that is gone, whichever it is', async () => {
    const { trail, directory } = createTrail({ maxBytes: 16 * 1024, maxFiles: 4 });
    await appendMany(trail, 250);
    expect(auditFiles(directory)).toHaveLength(4);
    const problems = [];
    for (const file of auditFiles(directory)) {
      renameSync(file, `${file}.aside`);
      problems.push((await trail.check()).problem);
      renameSync(`${file}.aside`, file);
    }
    expect(problems).toEqual(
      ['audit.2.jsonl', 'audit.1.jsonl', 'audit.jsonl', 'audit.jsonl'].map((file) => ({
        file,
        line: 1,
        what: 'missing',
      })),
    );
    expect(await trail.check()).toMatchObject({ ok: true });
  });

  it('a line of an old file, by its own number in it', async () => {
    const { trail, directory } = createTrail({ maxBytes: 16 * 1024, maxFiles: 4 });
    await appendMany(trail, 250);
    edit(join(directory, 'audit.2.jsonl'), (lines) =>
      replaced(lines, 5, (text) => text.replace('tester', 'entry')).toSpliced(5, 1),
    );
    expect((await trail.check()).problem).toMatchObject({ file: 'audit.2.jsonl', what: 'missing', line: 6 });
  });

  it('a head that is gone, and one that never was', async () => {
    const { trail, stateDirectory } = await twentyLines();
    const head = join(stateDirectory, 'audit-head.json');
    const content = readFileSync(head);
    rmSync(head);
    const expected = { ok: false, problem: { file: '.state/audit-head.json', line: 1, what: 'missing' } };
    expect(await trail.check()).toMatchObject(expected);
    writeFileSync(head, '{"version":1');
    expect(await trail.check()).toMatchObject(expected);
    writeFileSync(head, content);
    expect(await trail.check()).toMatchObject({ ok: true });
  });
});

describe('after the end was cut off', () => {
  it('the next append says so in a line of its own, and the check goes on naming it', async () => {
    const { trail, another, file } = await twentyLines();
    edit(file, (lines) => lines.slice(0, -3));
    await another().append(draft({ by: 'later' }));
    await trail.append(draft({ by: 'later still' }));
    const lines = linesIn(file).map((line) => JSON.parse(line) as { action: string; expected?: { number: number } });
    expect(lines).toHaveLength(17 + 3);
    expect(lines[17]).toMatchObject({ action: 'gap', outcome: 'failed', expected: { number: 20 } });
    expect(await trail.check()).toMatchObject({ problem: { file: 'audit.jsonl', line: 18, what: 'missing' } });
  });

  it('and half a line left, that half goes and nothing else', async () => {
    const { trail, directory, file } = await twentyLines();
    truncateSync(file, readFileSync(file).length - 40);
    await trail.append(draft({ by: 'later' }));
    expect(linesIn(file).map((line) => (JSON.parse(line) as { by: string }).by)).toEqual([
      ...Array.from({ length: 19 }, (_, index) => `entry ${index + 1}`),
      null,
      'later',
    ]);
    expect((await trailIn(directory).trail.check()).problem).toEqual({
      file: 'audit.jsonl',
      line: 20,
      what: 'missing',
    });
  });

  it('with something too long to be a line in its place, it still ends, and is still named', async () => {
    const { trail, file } = await twentyLines();
    writeFileSync(file, Buffer.alloc(300_000, 'x'));
    await trail.append(draft({ by: 'later' }));
    expect(linesIn(file)).toHaveLength(3);
    expect(await trail.check()).toMatchObject({ problem: { file: 'audit.jsonl', line: 1, what: 'altered' } });
    expect((await trail.read({ limit: 5, offset: 0 })).entries.map(({ by }) => by)).toEqual(['later', null]);
  });
});
