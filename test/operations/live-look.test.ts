import type { Engine } from 'express-db-backup';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LiveLook } from '../../dist/operations/live-look.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** An engine that counts how often it is asked, and whose looks take as long as the test says. */
function createLook(durationMs: number) {
  const file = { stamp: 'first' as string | null, rows: 1, looks: 0, stamps: 0, bytes: 0 };
  const engine = {
    stamp: async () => {
      file.stamps++;
      return file.stamp;
    },
    liveBytes: async () => file.bytes,
    examine: async ({ count }: { count: unknown }) => {
      file.looks++;
      const rows = { items: file.rows };
      await new Promise((resolve) => setTimeout(resolve, durationMs));
      return { state: file.stamp === null ? 'missing' : 'readable', rows: count === 'all' ? rows : {}, durationMs };
    },
  } as unknown as Engine;
  const look = new LiveLook(engine, () => undefined);
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
    expect(file.looks).toBe(1);
    expect(file.stamps).toBeLessThan(1_010);
  });

  it('is told what a small database holds at that moment', async () => {
    const { read, change, file } = createLook(1);
    await read();
    for (let write = 2; write < 10; write++) {
      change();
      expect((await read()).rows).toEqual({ items: write });
    }
    expect(file.looks).toBe(9);
  });

  it('of a large database waits once; while it is written to all the time, a twentieth of the time is spent on looks', async () => {
    const { look, read, change, file } = createLook(500);
    expect((await read()).rows).toEqual({ items: 1 });
    const seen = new Set<number>();
    for (let second = 0; second < 100; second++) {
      change();
      const startedAt = performance.now();
      const { rows } = await look.read();
      expect(performance.now() - startedAt).toBe(0);
      seen.add(rows.items ?? 0);
      await vi.advanceTimersByTimeAsync(1_000);
    }
    expect(file.looks).toBeGreaterThan(5);
    expect(file.looks).toBeLessThanOrEqual(11);
    expect(seen.size).toBe(file.looks);
  });

  it('does not wait for the count of a large database, which is told a moment later', async () => {
    const { look, read, file } = createLook(500);
    file.bytes = 100 * 1024 ** 2;
    expect((await read()).rows).toEqual({});
    expect((await look.read()).rows).toEqual({});
    await vi.advanceTimersByTimeAsync(20_000);
    expect((await look.read()).rows).toEqual({});
    await vi.advanceTimersByTimeAsync(1_000);
    expect((await look.read()).rows).toEqual({ items: 1 });
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
    examine: async ({ count }: { count: unknown }) => {
      looks++;
      if (count === 'all' && counts++ > 0)
        throw Object.assign(new Error('It took too long.'), { name: 'TimeoutError' });
      return { state: 'readable', tables: ['items'], rows: count === 'all' ? { items: 7 } : {}, durationMs: 1 };
    },
  } as unknown as Engine;
  const look = new LiveLook(engine, () => undefined);
  for (let probe = 0; probe < 5; probe++) {
    const reading = look.read();
    await vi.advanceTimersByTimeAsync(200);
    expect((await reading).rows).toEqual({ items: 7 });
  }
  expect([counts, looks]).toEqual([2, 6]);
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
  const look = new LiveLook(engine, (error) => faults.push(error));
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
