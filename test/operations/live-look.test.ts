import type { Engine } from 'express-db-backup';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LiveLook } from '../../dist/operations/health/live-look.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** An engine that counts how often it is asked, and whose looks take as long as the test says. */
function createLook(durationMs: number) {
  const file = {
    stamp: 'first' as string | null,
    rows: 1,
    looks: 0,
    counts: 0,
    stamps: 0,
    bytes: 0,
    lookMs: 1,
    damaged: [] as string[],
  };
  const engine = {
    stamp: async () => {
      file.stamps++;
      return file.stamp;
    },
    liveBytes: async () => file.bytes,
    examine: async ({ count }: { count: boolean }) => {
      if (count) file.counts++;
      else file.looks++;
      const rows = { items: file.rows };
      const damaged = count ? file.damaged : [];
      const took = count ? durationMs : file.lookMs;
      await new Promise((resolve) => setTimeout(resolve, took));
      const state = file.stamp === null ? 'missing' : 'readable';
      return { state, rows: count ? rows : {}, damaged, durationMs: took };
    },
  } as unknown as Engine;
  const look = new LiveLook(engine, {}, () => undefined);
  const change = (): void => {
    file.rows++;
    file.stamp = `of ${file.rows}`;
  };
  /** The time it takes passes. */
  const read = async (): ReturnType<LiveLook['read']> => {
    const reading = look.read();
    await vi.advanceTimersByTimeAsync(100 + durationMs);
    return reading;
  };
  return { look, read, file, change };
}

describe('a probe', () => {
  it('looks once at a database that does not change', async () => {
    const { look, read, file } = createLook(1);
    await read();
    for (let probe = 0; probe < 1_000; probe++) await look.read();
    await Promise.all(Array.from({ length: 1_000 }, () => look.read()));
    expect([file.counts, file.looks]).toEqual([1, 0]);
    // One after another each asks the file system, up to a number; many share what it last said.
    expect(file.stamps).toBeLessThan(30);
  });

  it('is told the truth when the one just before it was told another, however soon', async () => {
    const { look, read, file } = createLook(1);
    await read();
    for (let probe = 0; probe < 10; probe++) {
      await look.read();
      file.stamp = null;
      expect((await read()).state).toBe('missing');
      file.stamp = 'first';
      await read();
    }
  });

  it('is told what a small database holds at that moment', async () => {
    const { read, change, file } = createLook(1);
    await read();
    for (let write = 2; write < 10; write++) {
      change();
      expect((await read()).rows).toEqual({ items: write });
    }
    expect(file.counts).toBe(9);
  });

  it('of many at once waits for a look with three others at most, unless the last one is old', async () => {
    const { look, read, change } = createLook(1);
    await read();
    const rowsOf = async (afterMs: number): Promise<unknown[]> => {
      change();
      await vi.advanceTimersByTimeAsync(afterMs);
      const probes = Array.from({ length: 20 }, () => look.read());
      await vi.advanceTimersByTimeAsync(101);
      return (await Promise.all(probes)).map(({ rows }) => rows.items);
    };
    expect(await rowsOf(10)).toEqual([...Array(4).fill(2), ...Array(16).fill(1)]);
    expect(await rowsOf(1_000)).toEqual(Array(20).fill(3));
  });

  it('of a large database never waits for its rows, which take a hundredth of the time while it is written to', async () => {
    const { look, read, change, file } = createLook(500);
    file.bytes = 100 * 1024 ** 2;
    expect((await read()).rows).toEqual({});
    const seen = new Set<number | undefined>();
    for (let second = 0; second < 200; second++) {
      change();
      const reading = look.read();
      await vi.advanceTimersByTimeAsync(2);
      const told = await Promise.race([reading, Promise.resolve('still waiting')]);
      expect(told).not.toBe('still waiting');
      seen.add((await reading).rows.items);
      await vi.advanceTimersByTimeAsync(1_000);
    }
    expect(file.looks).toBeGreaterThan(190);
    expect(file.counts).toBeGreaterThanOrEqual(3);
    expect(file.counts).toBeLessThanOrEqual(5);
    expect(seen.size).toBe(file.counts);
  });

  it('is told what a large database holds, a moment after it no longer changes', async () => {
    const { read, change, file } = createLook(500);
    file.bytes = 100 * 1024 ** 2;
    await read();
    expect((await read()).rows).toEqual({ items: 1 });
    change();
    expect((await read()).rows).toEqual({ items: 1 });
    await vi.advanceTimersByTimeAsync(60_000);
    await read();
    expect((await read()).rows).toEqual({ items: 2 });
    const { counts } = file;
    await vi.advanceTimersByTimeAsync(60_000);
    await read();
    expect(file.counts).toBe(counts);
  });

  it('is told of a count that ended while the schema was looked at', async () => {
    const { look, change, file } = createLook(500);
    file.bytes = 100 * 1024 ** 2;
    const first = look.read();
    await vi.advanceTimersByTimeAsync(10);
    expect((await first).rows).toEqual({});
    file.lookMs = 1_000;
    change();
    const second = look.read();
    await vi.advanceTimersByTimeAsync(1_200);
    expect((await second).rows).toEqual({ items: 1 });
  });

  it('is told of damage until a count finds it mended, which is made soon', async () => {
    const { read, change, file } = createLook(500);
    file.bytes = 100 * 1024 ** 2;
    file.damaged = ['items'];
    await read();
    expect((await read()).damaged).toEqual(['items']);
    change();
    expect((await read()).damaged).toEqual(['items']);
    file.damaged = [];
    for (let probe = 0; probe < 3; probe++) {
      change();
      await read();
    }
    expect((await read()).damaged).toEqual([]);
  });

  it('learns at once that the file is gone, and that it is back', async () => {
    const { read, file } = createLook(500);
    await read();
    file.stamp = null;
    expect((await read()).state).toBe('missing');
    file.stamp = 'again';
    expect((await read()).state).toBe('readable');
  });
});

it('rows that take too long to count are given up for a while; what was counted before is told meanwhile', async () => {
  let [counts, looks] = [0, 0];
  const engine = {
    stamp: async () => String(looks),
    liveBytes: async () => 0,
    examine: async ({ count }: { count: boolean }) => {
      looks++;
      if (count && counts++ > 0) throw Object.assign(new Error('It took too long.'), { name: 'TimeoutError' });
      return { state: 'readable', tables: ['items'], rows: count ? { items: 7 } : {}, damaged: [], durationMs: 1 };
    },
  } as unknown as Engine;
  const look = new LiveLook(engine, {}, () => undefined);
  for (let probe = 0; probe < 5; probe++) {
    const reading = look.read();
    await vi.advanceTimersByTimeAsync(200);
    expect((await reading).rows).toEqual({ items: 7 });
  }
  expect(counts).toBe(2);
  expect(looks).toBeLessThanOrEqual(7);
});

it('a look that fails is told once, and not tried again by the next probe', async () => {
  const faults: unknown[] = [];
  let looks = 0;
  const engine = {
    stamp: async () => 'there',
    liveBytes: async () => 0,
    examine: async () => {
      looks++;
      throw new Error('It cannot be opened.');
    },
  } as unknown as Engine;
  const look = new LiveLook(engine, {}, (error) => faults.push(error));
  for (let probe = 0; probe < 50; probe++) {
    const reading = look.read().catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(10);
    expect(await reading).toBeInstanceOf(Error);
  }
  expect([looks, faults.length]).toEqual([1, 1]);
  await vi.advanceTimersByTimeAsync(1_000);
  const again = look.read().catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(10);
  await again;
  expect([looks, faults.length]).toEqual([2, 2]);
});
