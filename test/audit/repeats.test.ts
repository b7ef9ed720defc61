import { describe, expect, it } from 'vitest';
import { type Occurrence, Repeats } from '../../dist/audit/repeats.js';

const minute = 60_000;
const startedAt = Date.UTC(2026, 0, 8, 21);

const refusal = (from: string | null, change: Partial<Occurrence> = {}): Occurrence => ({
  action: 'sign_in',
  by: null,
  from,
  file: null,
  outcome: 'refused',
  code: 'unauthenticated',
  ...change,
});

interface Bench {
  readonly repeats: Repeats;
  /** Lets so much time pass. */
  wait(ms: number): void;
}

function createRepeats(limits = { kinds: 4, lines: 20, lineEveryMs: 60 * minute }): Bench {
  let now = 0;
  const repeats = new Repeats({ limits, clock: () => new Date(startedAt + now), now: () => now });
  return {
    repeats,
    wait: (ms) => {
      now += ms;
    },
  };
}

describe('events of one kind', () => {
  it('within a second become one line, with how many they were and when the last one was', () => {
    const { repeats, wait } = createRepeats();
    for (let index = 0; index < 5; index++) {
      repeats.add(refusal('10.0.0.1'));
      wait(100);
    }
    expect(repeats.take()).toEqual([]);
    wait(500);
    expect(repeats.take()).toEqual([
      { ...refusal('10.0.0.1'), operation: null, at: '2026-01-08T21:00:00.400Z', durationMs: 400, count: 5 },
    ]);
    expect(repeats.take()).toEqual([]);
  });

  it('that go on become one line a minute', () => {
    const { repeats, wait } = createRepeats();
    const counts: number[] = [];
    for (let second = 0; second < 5 * 60; second++) {
      repeats.add(refusal('10.0.0.1'));
      wait(1_000);
      counts.push(...repeats.take().map(({ count }) => count));
    }
    expect(counts.length).toBeLessThanOrEqual(6);
    wait(minute);
    expect(counts.concat(repeats.take().map(({ count }) => count)).reduce((sum, count) => sum + count)).toBe(300);
  });

  it('are told at once where all of them are asked for', () => {
    const { repeats } = createRepeats();
    repeats.add(refusal('10.0.0.1'));
    repeats.add(refusal('10.0.0.2'));
    expect(repeats.take({ all: true }).map(({ from }) => from)).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(repeats.take({ all: true })).toEqual([]);
  });

  it('are another kind where anything about them differs', () => {
    const { repeats } = createRepeats({ kinds: 10, lines: 20, lineEveryMs: minute });
    const changes = [{}, { by: 'x' }, { file: 'app.db' }, { code: 'forbidden' }, { action: 'read' }] as const;
    for (const change of [...changes, ...changes]) repeats.add(refusal('10.0.0.1', change));
    expect(repeats.take({ all: true }).map(({ count }) => count)).toEqual([2, 2, 2, 2, 2]);
  });
});

describe('more kinds than are told apart', () => {
  it('are one line without names, and take no more memory', () => {
    const { repeats } = createRepeats();
    for (let index = 0; index < 100_000; index++) repeats.add(refusal(`10.0.${index}`));
    const lines = repeats.take({ all: true });
    expect(lines.map(({ from, count }) => [from, count])).toEqual([
      ['10.0.0', 1],
      ['10.0.1', 1],
      ['10.0.2', 1],
      ['10.0.3', 1],
      [null, 99_996],
    ]);
  });
});

describe('a flood', () => {
  it('from ever new addresses has its burst of lines, then one for each period, and none of it goes uncounted', () => {
    const { repeats, wait } = createRepeats({ kinds: 4, lines: 20, lineEveryMs: 60 * minute });
    let [lines, counted] = [0, 0];
    const seconds = 24 * 3_600;
    for (let second = 0; second < seconds; second++) {
      repeats.add(refusal(`10.0.${second}`));
      wait(1_000);
      for (const { count } of repeats.take()) {
        lines++;
        counted += count;
      }
    }
    expect(lines).toBeLessThanOrEqual(20 + 24);
    expect(lines).toBeGreaterThanOrEqual(20 + 22);
    wait(60 * minute);
    for (const { count } of repeats.take()) counted += count;
    expect(counted).toBe(seconds);
  });

  it('that was made to pause and begin again gets no more lines by that', () => {
    const { repeats, wait } = createRepeats({ kinds: 4, lines: 20, lineEveryMs: 60 * minute });
    let lines = 0;
    for (let round = 0; round < 12 * 60; round++) {
      repeats.add(refusal(`10.0.${round}`));
      wait(2 * minute);
      lines += repeats.take().length;
    }
    expect(lines).toBeLessThanOrEqual(20 + 24);
  });

  it('is looked at again when the next line may be written, and not before', () => {
    const { repeats, wait } = createRepeats({ kinds: 4, lines: 1, lineEveryMs: 60 * minute });
    expect(repeats.nextAt()).toBeUndefined();
    repeats.add(refusal('10.0.0.1'));
    expect(repeats.nextAt()).toBe(1_000);
    wait(1_000);
    expect(repeats.take()).toHaveLength(1);
    repeats.add(refusal('10.0.0.2'));
    expect(repeats.nextAt()).toBe(1_000 + 60 * minute);
    wait(60 * minute);
    expect(repeats.take()).toMatchObject([{ from: '10.0.0.2', count: 1 }]);
  });
});

describe('what is written by itself', () => {
  it('is the first of its kind, and again after a minute without another; those in between are one line', () => {
    const { repeats, wait } = createRepeats();
    const download = refusal('10.0.0.1', { action: 'download', outcome: 'succeeded', code: null });
    expect(repeats.isFirst(download)).toBe(true);
    for (let index = 0; index < 3; index++) {
      wait(1_000);
      expect(repeats.isFirst(download)).toBe(false);
      repeats.add(download);
    }
    expect(repeats.take()).toEqual([]);
    wait(minute);
    expect(repeats.take()).toMatchObject([{ action: 'download', count: 3 }]);
    wait(minute);
    expect(repeats.take()).toEqual([]);
    expect(repeats.isFirst(download)).toBe(true);
  });
});
