import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createSlots } from '../../dist/coordination/slots.js';
import { createEvents } from '../../dist/events/event-listeners.js';
import { writeFileDurably } from '../../dist/system/durable-write.js';
import { loadBetterSqlite3, refuseCrashingVersion } from '../../dist/system/load-better-sqlite3.js';
import { mapLimited } from '../../dist/system/map-limited.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

describe('a durable write', () => {
  it('makes a private file and leaves nothing beside it', async () => {
    const folder = temporaryFolder();
    await writeFileDurably(join(folder, 'a'), 'text', { staging: folder, overwrite: false });
    expect(readFileSync(join(folder, 'a'), 'utf8')).toBe('text');
    expect(statSync(join(folder, 'a')).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['a']);
  });

  it('replaces only where it may', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'a'), 'old');
    await expect(
      writeFileDurably(join(folder, 'a'), 'new', { staging: folder, overwrite: false }),
    ).rejects.toMatchObject({ code: 'EEXIST' });
    expect(readFileSync(join(folder, 'a'), 'utf8')).toBe('old');
    await writeFileDurably(join(folder, 'a'), 'new', { staging: folder, overwrite: true, sync: false });
    expect(readFileSync(join(folder, 'a'), 'utf8')).toBe('new');
    expect(readdirSync(folder)).toEqual(['a']);
  });

  it('that fails leaves the target as it was', async () => {
    const folder = temporaryFolder();
    await expect(
      writeFileDurably(join(folder, 'none', 'a'), 'text', { staging: folder, overwrite: true }),
    ).rejects.toMatchObject({ code: 'ENOENT' });
    expect(existsSync(join(folder, 'none'))).toBe(false);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('better-sqlite3', () => {
  it.each([
    ['13.0.0', '9'],
    ['13.4.1', '8'],
    ['14.0.0', undefined],
  ])('%s is refused before it can crash a Node with Node-API %s', (version, nodeApi) => {
    expect(() => refuseCrashingVersion(version, nodeApi)).toThrow(
      expect.objectContaining({
        code: 'tool_missing',
        message: expect.stringContaining('npm install better-sqlite3@12'),
      }),
    );
  });

  it.each([
    ['12.11.1', '9'],
    ['13.0.0', '10'],
  ])('%s is loaded with Node-API %s', (version, nodeApi) => {
    expect(() => refuseCrashingVersion(version, nodeApi)).not.toThrow();
  });

  it('is the copy of the application', () => {
    expect(new (loadBetterSqlite3())(':memory:').prepare('SELECT 1 AS one').get()).toEqual({ one: 1 });
  });
});

describe('slots', () => {
  it('let so many in at a time, the others in their order, and refuse beyond the queue', async () => {
    const take = createSlots(2, 1);
    const [first] = await Promise.all([take(), take()]);
    const order: string[] = [];
    const third = take().then((release) => {
      order.push('third');
      return release;
    });
    await expect(take()).rejects.toMatchObject({ code: 'rate_limited' });
    order.push('released');
    first?.();
    first?.();
    await third;
    expect(order).toEqual(['released', 'third']);
    await expect(Promise.race([take(), delay(20).then(() => 'waits')])).resolves.toBe('waits');
  });
});

describe('mapLimited', () => {
  it('keeps the order and never has more under way than it may', async () => {
    let running = 0;
    let most = 0;
    const results = await mapLimited([5, 1, 3, 2, 4], 2, async (item) => {
      most = Math.max(most, ++running);
      await delay(item);
      running--;
      return item * 10;
    });
    expect(results).toEqual([50, 10, 30, 20, 40]);
    expect(most).toBe(2);
  });
});

describe('events', () => {
  it('reach each listener until it is taken off, and one that throws harms nobody', async () => {
    const events = createEvents<{ news: number }>();
    const heard: number[] = [];
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    events.on('news', () => {
      throw new Error('a listener of the host failed');
    });
    const off = events.on('news', (value) => heard.push(value));
    events.emit('news', 1);
    off();
    events.emit('news', 2);
    expect(heard).toEqual([1]);
    expect((await warned).message).toBe('a listener of the host failed');
  });

  it('tell the failure of a listener, also of one whose promise rejects, to whoever was named for it', async () => {
    const told: unknown[] = [];
    const events = createEvents<{ news: number }>((error, name) => told.push([error, name]) > 0);
    events.on('news', () => {
      throw 'thrown';
    });
    events.on('news', (() => Promise.reject('rejected')) as () => void);
    events.emit('news', 1);
    await expect
      .poll(() => told)
      .toEqual([
        ['thrown', 'news'],
        ['rejected', 'news'],
      ]);
  });
});
