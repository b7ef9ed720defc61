import { mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { appendMany, auditEntries, auditFiles, createTrail, draft } from '../helpers/audit.js';

const all = { limit: 500, offset: 0 };

describe('an entry', () => {
  it('is on the disk when its append resolves, one line with the hash of the line before', async () => {
    const { directory, trail, written } = createTrail();
    for (const number of [1, 2, 3]) await appendMany(trail, 1, number);
    const entries = auditEntries(directory);
    expect(entries.map(({ by }) => by)).toEqual(['entry 1', 'entry 2', 'entry 3']);
    expect(entries.map(({ number }) => number)).toEqual([1, 2, 3]);
    expect(written).toEqual(entries);
    expect(statSync(join(directory, 'audit.jsonl')).mode & 0o777).toBe(0o600);
    expect(await trail.check()).toMatchObject({ ok: true, entries: 3, problem: null });
  });

  it.each([
    ['a line feed', 'a\n{"number":9}\r\nb'],
    ['control characters', 'a\u0000\u0007\u001b[2J\u007f\u0085b'],
    ['line separators of Unicode', 'a\u2028b\u2029c'],
    ['what turns the direction of text', 'a\u202eb\u2066c'],
    ['half a surrogate pair', 'a\ud800b'],
    ['quotes and backslashes', '"\\"},{"by":"x"'],
  ])('with %s in its values stays one line of plain characters, and says the same', async (_what, value) => {
    const { directory, trail } = createTrail();
    await trail.append(draft({ by: value, from: value }));
    const text = readFileSync(join(directory, 'audit.jsonl'), 'utf8');
    expect(text.match(/[^\x20-\x7e\n]/u)).toBe(null);
    expect(text.match(/\n/g)).toHaveLength(1);
    expect((await trail.read(all)).entries).toMatchObject([{ by: value, from: value }]);
    expect(await trail.check()).toMatchObject({ ok: true });
  });

  it('is never longer than a line may be, whatever is asked of it', async () => {
    const { directory, trail } = createTrail();
    const endless = '\u2028'.repeat(100_000);
    await trail.append(draft({ by: endless, from: endless, file: endless, operation: endless, code: endless }));
    expect(statSync(join(directory, 'audit.jsonl')).size).toBeLessThan(4_096 + 1);
    expect(await trail.check()).toMatchObject({ ok: true, entries: 1 });
  });
});

describe('reading', () => {
  it('begins with the newest entry, and pages through all files', async () => {
    const { trail, directory } = createTrail({ maxBytes: 16 * 1024, maxFiles: 4 });
    await appendMany(trail, 150);
    expect(auditFiles(directory).length).toBeGreaterThan(2);
    const { entries, total } = await trail.read(all);
    const stored = auditEntries(directory);
    expect(total).toBe(stored.length);
    expect(entries).toEqual(stored.toReversed());
    const paged = [];
    for (let offset = 0; offset < total; offset += 7) paged.push(...(await trail.read({ limit: 7, offset })).entries);
    expect(paged).toEqual(entries);
    expect(await trail.read({ limit: 10, offset: total })).toEqual({ entries: [], total });
  });

  it('of a trail that was never written is empty, and finds nothing wrong', async () => {
    const { trail, directory } = createTrail();
    expect(await trail.read(all)).toEqual({ entries: [], total: 0 });
    expect(await trail.check()).toEqual({ ok: true, entries: 0, problem: null, last: null });
    expect(auditFiles(directory)).toEqual([]);
  });
});

describe('rotation', () => {
  it('keeps each file within its size and the files within their number, and the chain whole across them', async () => {
    const { trail, directory } = createTrail({ maxBytes: 16 * 1024, maxFiles: 3 });
    await appendMany(trail, 300);
    const files = auditFiles(directory);
    expect(files.map((file) => file.slice(directory.length + 1))).toEqual([
      'audit.2.jsonl',
      'audit.1.jsonl',
      'audit.jsonl',
    ]);
    for (const file of files) expect(statSync(file).size).toBeLessThanOrEqual(16 * 1024);
    const entries = auditEntries(directory);
    expect(entries.at(-1)?.by).toBe('entry 300');
    expect(entries[0]?.number).toBeGreaterThan(1);
    expect(await trail.check()).toMatchObject({ ok: true, entries: entries.length });
  });

  it('says in the first line of each file with which line the trail begins now', async () => {
    const { trail, directory } = createTrail({ maxBytes: 16 * 1024, maxFiles: 3 });
    await appendMany(trail, 300);
    const entries = auditEntries(directory);
    const first = JSON.parse(readFileSync(join(directory, 'audit.jsonl'), 'utf8').split('\n')[0] ?? '');
    expect(first).toMatchObject({
      action: 'rotate',
      begins: { number: entries[0]?.number, previous: entries[0]?.previous },
    });
  });

  it('with fewer files than before removes those that are too many', async () => {
    const { trail, directory, another } = createTrail({ maxBytes: 16 * 1024, maxFiles: 6 });
    await appendMany(trail, 400);
    expect(auditFiles(directory)).toHaveLength(6);
    const fewer = another({ maxBytes: 16 * 1024, maxFiles: 2 });
    expect(await fewer.check()).toMatchObject({ ok: true });
    await appendMany(fewer, 60);
    expect(auditFiles(directory)).toHaveLength(2);
    expect(await fewer.check()).toMatchObject({ ok: true });
    auditEntries(directory);
  });
});

describe('several writers of one process', () => {
  it('append in turn, and none of their entries is lost', async () => {
    const { trail, another, directory } = createTrail({ maxBytes: 16 * 1024, maxFiles: 100 });
    const trails = [trail, another(), another()];
    await Promise.all(trails.map((one, index) => appendMany(one, 50, index * 50 + 1)));
    const told = auditEntries(directory).flatMap(({ action, by }) => (action === 'create' ? [by] : []));
    expect(told.sort()).toEqual(Array.from({ length: 150 }, (_, index) => `entry ${index + 1}`).sort());
    expect(await trail.check()).toMatchObject({ ok: true });
  });

  it('entries that are asked for at once go to the disk together, in their order', async () => {
    const { trail, directory } = createTrail();
    await Promise.all(Array.from({ length: 100 }, (_, index) => trail.append(draft({ by: `entry ${index + 1}` }))));
    expect(auditEntries(directory).map(({ by }) => by)).toEqual(
      Array.from({ length: 100 }, (_, index) => `entry ${index + 1}`),
    );
  });
});

describe('an entry that is wanted once', () => {
  it('is left out where its operation has one, whoever wrote it, in whichever file', async () => {
    const { trail, another, directory } = createTrail({ maxBytes: 16 * 1024 });
    await trail.append(draft({ operation: 'first' }));
    await appendMany(trail, 60);
    await another().append(draft({ operation: 'first', outcome: 'failed' }), { once: true });
    await another().append(draft({ operation: 'second' }), { once: true });
    const told = auditEntries(directory).flatMap(({ operation, outcome }) => (operation ? [[operation, outcome]] : []));
    expect(told).toEqual([
      ['first', 'succeeded'],
      ['second', 'succeeded'],
    ]);
  });
});

describe('a fault of the disk', () => {
  it.each([
    ['a directory', (file: string) => mkdirSync(file)],
    ['a link', (file: string) => symlinkSync('/dev/null', file)],
  ])('%s in the place of the file rejects the append, and nothing else is touched', async (_what, put) => {
    const { trail, directory } = createTrail();
    put(join(directory, 'audit.jsonl'));
    await expect(trail.append(draft())).rejects.toThrow();
  });

  it('keeps no entry from the disk for good: what was refused is written with the next one, in order', async () => {
    const { trail, directory, stateDirectory } = createTrail();
    await appendMany(trail, 2);
    mkdirSync(join(stateDirectory, 'audit-head.next')); // Nothing can be written in its place now.
    writeFileSync(join(stateDirectory, 'audit-head.next', 'x'), '');
    await trail.append(draft({ by: 'entry 3' }));
    await expect(trail.append(draft({ by: 'entry 4' }))).rejects.toThrow();
    await expect(trail.append(draft({ by: 'entry 5' }))).rejects.toThrow();
    expect(auditEntries(directory).map(({ by }) => by)).toEqual(['entry 1', 'entry 2', 'entry 3']);
    rmSync(join(stateDirectory, 'audit-head.next'), { recursive: true });
    await trail.append(draft({ by: 'entry 6' }));
    expect(auditEntries(directory).map(({ by }) => by)).toEqual([1, 2, 3, 4, 5, 6].map((number) => `entry ${number}`));
    expect(await trail.check()).toMatchObject({ ok: true });
  });
});
