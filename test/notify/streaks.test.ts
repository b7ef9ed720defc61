import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { remember, summary, tell } from '../helpers/told.js';

const interrupted = {
  operation: '20260108T210000000Z-0123456789ab',
  startedAt: '2026-01-08T21:00:00.000Z',
  startedBy: 'ops',
  restored: 'app_backup_2026-01-08_21-00-00.db',
  live: 'new',
  safetyBackup: 'app_safety_2026-01-08_21-00-00.db',
} as const;

/** A clock that the test sets. */
function handClock(start = '2026-01-01T00:00:00.000Z'): { clock: () => Date; pass: (hours: number) => void } {
  let now = Date.parse(start);
  return {
    clock: () => new Date(now),
    pass: (hours) => {
      now += hours * 3_600_000;
    },
  };
}

describe('a streak of equal failures', () => {
  it('is told once, and its end once, with how many there were and for how long', async () => {
    const memory = remember();
    const { clock, pass } = handClock();
    const { fail, succeed, notifications } = tell([memory], { clock });
    for (let hour = 0; hour < 5; hour++, pass(1)) fail();
    succeed();
    succeed();
    await notifications.close();
    expect(summary(memory.told)).toEqual(['trouble backup.failed 1', 'recovered backup.failed 5']);
    expect(memory.told[1]).toMatchObject({ since: '2026-01-01T00:00:00.000Z', at: '2026-01-01T05:00:00.000Z' });
    expect(memory.told[1]?.text).toContain('Works again since: 2026-01-01 05:00:00 UTC');
    expect(memory.told[1]?.text).toContain('5 failed backups since 2026-01-01 00:00:00 UTC, for 5 hours');
  });

  it('that fails otherwise is told anew, and the end of both is told once', async () => {
    const memory = remember();
    const { fail, succeed, notifications } = tell([memory]);
    fail();
    fail('database_busy');
    fail();
    succeed();
    await notifications.close();
    expect(summary(memory.told)).toEqual([
      'trouble backup.failed 1',
      'trouble backup.failed 1',
      'recovered backup.failed 3',
    ]);
  });

  it('is told again with the first failure after a day, three more, and then every seven', async () => {
    const folder = temporaryFolder();
    const memory = remember();
    const start = Date.parse('2026-01-01T00:00:00.000Z');
    for (const day of [0, 0.9, 1, 3, 3.9, 4, 10.9, 11.5, 18, 18.5, 25]) {
      const clock = (): Date => new Date(start + day * 86_400_000);
      const { fail, notifications } = tell([memory], { clock, folder });
      fail();
      await notifications.close();
    }
    const days = memory.told.map(({ at, since }) => (Date.parse(at) - Date.parse(since)) / 86_400_000);
    expect(days).toEqual([0, 1, 4, 11.5, 18.5]);
    expect(memory.told.at(-1)?.text).toContain('Since: 2026-01-01 00:00:00 UTC (10 times in 18 days 12 hours)');
  });

  it('is known to the next process and to others', async () => {
    const folder = temporaryFolder();
    const [first, second, third] = [remember(), remember(), remember()];
    const before = tell([first], { folder });
    before.fail();
    await before.notifications.close();
    const [one, other] = [tell([second], { folder }), tell([third], { folder })];
    for (const { fail } of [one, other, one]) fail();
    await Promise.all([one.notifications.close(), other.notifications.close()]);
    const after = tell([first], { folder });
    after.succeed();
    await after.notifications.close();
    expect(summary(first.told)).toEqual(['trouble backup.failed 1', 'recovered backup.failed 4']);
    expect([...second.told, ...third.told]).toEqual([]);
  });

  it('that was not delivered is told with the next failure, and its end only to whom it was told', async () => {
    const deaf = remember({ name: 'deaf', deliver: async () => ({ delivered: false, retry: false, reason: 'deaf' }) });
    const memory = remember();
    const folder = temporaryFolder();
    const first = tell([deaf, memory], { folder });
    first.fail();
    await first.notifications.close();
    const heard = remember({ name: 'deaf' });
    const second = tell([heard, memory], { folder });
    second.fail();
    await second.notifications.close();
    const third = tell([heard, memory], { folder });
    third.succeed();
    await third.notifications.close();
    expect(summary(heard.told)).toEqual(['trouble backup.failed 2', 'recovered backup.failed 2']);
    expect(summary(memory.told)).toEqual(['trouble backup.failed 1', 'recovered backup.failed 2']);
  });

  it('that nobody was told of has an end that nobody is told of', async () => {
    const deaf = remember({ deliver: async () => ({ delivered: false, retry: false, reason: 'deaf' }) });
    const folder = temporaryFolder();
    const first = tell([deaf], { folder });
    first.fail();
    await first.notifications.close();
    const heard = remember();
    const second = tell([heard], { folder });
    second.succeed();
    await second.notifications.close();
    expect(heard.told).toEqual([]);
  });

  it('is told after the start when the process that was to tell it is gone, by one of those that are there', async () => {
    const folder = temporaryFolder();
    const never = remember({ deliver: () => new Promise(() => undefined) });
    const killed = tell([never], { folder, instance: 'killed' });
    killed.fail();
    killed.events.emit('restore.interrupted', interrupted);
    await expect
      .poll(() => readFileSync(killed.file, 'utf8'))
      .toMatch(/backup.failed.*restore.interrupted|restore.interrupted.*backup.failed/);
    // From here on it is as if it were killed: its one attempt never ends.
    const [first, second] = [remember(), remember()];
    const isAlive = (id: string): boolean => id !== 'killed';
    const starting = [
      tell([first], { folder, instance: 'one', isAlive }),
      tell([second], { folder, instance: 'two', isAlive }),
    ];
    for (const { notifications } of starting) notifications.resume();
    for (const { notifications } of starting) await notifications.close();
    expect(summary([...first.told, ...second.told]).sort()).toEqual([
      'trouble backup.failed 1',
      'trouble restore.interrupted 1',
    ]);
  });

  it('that is told by a process that lives is not told by another', async () => {
    const folder = temporaryFolder();
    const never = remember({ deliver: () => new Promise(() => undefined) });
    const slow = tell([never], { folder, instance: 'slow', pace: { closeMs: 10 } });
    slow.fail();
    await expect.poll(() => readFileSync(slow.file, 'utf8')).toContain('backup.failed');
    const other = remember();
    const second = tell([other], { folder, isAlive: (id) => id === 'slow' });
    second.notifications.resume();
    second.fail();
    await second.notifications.close();
    expect(other.told).toEqual([]);
  });
});

describe('a streak that was given up', () => {
  it('is taken up again by the same process, once, and so is its end', async () => {
    let isDown = true;
    const told: string[] = [];
    const receiver = remember({
      async deliver({ status, event }) {
        if (isDown) return { delivered: false, retry: false, reason: 'it is down' };
        told.push(`${status} ${event}`);
        return { delivered: true };
      },
    });
    const { fail, succeed, faults, notifications } = tell([receiver], { pace: { againMs: 20 } });
    notifications.resume();
    fail();
    await expect.poll(() => faults.length).toBeGreaterThan(1);
    isDown = false;
    await expect.poll(() => told).toEqual(['trouble backup.failed']);
    isDown = true;
    const before = faults.length;
    succeed();
    await expect.poll(() => faults.length).toBeGreaterThan(before);
    isDown = false;
    await expect.poll(() => told).toEqual(['trouble backup.failed', 'recovered backup.failed']);
    const after = faults.length;
    await new Promise((resolve) => setTimeout(resolve, 100));
    await notifications.close();
    expect([told.length, faults.length]).toEqual([2, after]);
  });
});

describe('the end of a streak', () => {
  it('is told after the start when the process that was to tell it is gone', async () => {
    const folder = temporaryFolder();
    const never = remember();
    const deliver = never.deliver;
    const killed = tell(
      [
        {
          ...never,
          deliver: (...all) => (all[0].status === 'trouble' ? deliver(...all) : new Promise(() => undefined)),
        },
      ],
      { folder, instance: 'killed', pace: { closeMs: 50 } },
    );
    killed.fail();
    await expect.poll(() => readFileSync(killed.file, 'utf8')).toContain('"sent":true');
    killed.succeed();
    await expect.poll(() => readFileSync(killed.file, 'utf8')).toContain('"by":"killed"');
    // From here on it is as if it were killed: its one attempt never ends.
    const memory = remember();
    const other = tell([memory], { folder, isAlive: (id) => id === 'killed' });
    other.notifications.resume();
    await other.notifications.close();
    expect(memory.told).toEqual([]);
    const next = tell([memory], { folder });
    next.notifications.resume();
    await next.notifications.close();
    expect(summary(memory.told)).toEqual(['recovered backup.failed 1']);
    expect(readFileSync(killed.file, 'utf8')).toBe('{"version":1,"streaks":[],"ends":[]}');
  });

  it('that comes before the streak could be told is told alone, by another process too', async () => {
    const folder = temporaryFolder();
    const outcomes: string[] = [];
    let refuse: () => void = () => undefined;
    const refused = new Promise<void>((resolve) => {
      refuse = resolve;
    });
    const slow = remember({
      attemptMs: 30_000,
      async deliver({ status }) {
        outcomes.push(status);
        await refused;
        return { delivered: false, retry: true, reason: 'not yet' };
      },
    });
    const first = tell([slow], { folder, instance: 'first' });
    first.fail();
    await expect.poll(() => outcomes).toEqual(['trouble']);
    const memory = remember();
    const second = tell([memory], { folder, instance: 'second', isAlive: () => true });
    second.succeed();
    await second.notifications.close();
    expect(summary(memory.told)).toEqual(['recovered backup.failed 1']);
    refuse();
    await first.notifications.close();
    expect([outcomes, first.faults]).toEqual([['trouble'], []]);
  });
});

describe('the state of the streaks', () => {
  it('is bounded: the one longest unseen is forgotten', async () => {
    const memory = remember();
    const { clock, pass } = handClock();
    const { events, notifications, file } = tell([memory], { clock, pace: { mostWaiting: 1_000, closeMs: 30_000 } });
    for (let table = 0; table < 150; table++, pass(1))
      events.emit('table.shrank', { filename: 'b.db', previous: 'a.db', table: `t${table}`, before: 1, after: 0 });
    await notifications.close();
    const { streaks } = JSON.parse(readFileSync(file, 'utf8')) as { streaks: { trouble: { subject: string } }[] };
    expect(memory.told).toHaveLength(150);
    expect(streaks).toHaveLength(100);
    expect(streaks[0]?.trouble.subject).toBe('t149');
    expect(streaks.at(-1)?.trouble.subject).toBe('t50');
  });

  it('that cannot be read is begun anew', async () => {
    const folder = temporaryFolder();
    for (const content of ['', '{', '[]', '{"version": 2}', '{"version": 1, "streaks": [{}]}']) {
      const memory = remember();
      const { fail, file, notifications } = tell([memory], { folder });
      writeFileSync(file, content);
      fail();
      await notifications.close();
      expect(memory.told, content).toHaveLength(1);
    }
  });

  it('that cannot be written is kept in memory, and written as soon as it can be', async () => {
    const folder = temporaryFolder();
    const memory = remember();
    const { fail, succeed, faults, file, notifications } = tell([memory], { folder: join(folder, 'gone') });
    fail();
    fail();
    succeed();
    await expect.poll(() => summary(memory.told)).toEqual(['trouble backup.failed 1', 'recovered backup.failed 2']);
    expect(faults).toHaveLength(1);
    expect(() => readFileSync(file)).toThrow('ENOENT');
    fail();
    await expect.poll(() => memory.told).toHaveLength(3);
    mkdirSync(join(folder, 'gone'));
    fail();
    await notifications.close();
    expect(readFileSync(file, 'utf8')).toContain('"count":2');
    expect(memory.told).toHaveLength(3);
  });

  it('is not made, nor anything else, where nobody is told', async () => {
    const { fail, succeed, file, notifications } = tell([]);
    fail();
    succeed();
    await notifications.close();
    expect(() => readFileSync(file)).toThrow('ENOENT');
  });
});

describe('what ends which trouble', () => {
  const failed = { level: 'full', ok: false, problems: ['x'], warnings: [], checks: {}, durationMs: 1 } as const;
  const passed = { ...failed, ok: true, problems: [] } as const;
  it('a backup that is damaged, by passing the same check or a stricter one', async () => {
    const memory = remember();
    const { events, notifications } = tell([memory]);
    events.emit('backup.damaged', { ...failed, filename: 'a.db' });
    events.emit('backup.verified', { ...passed, filename: 'b.db' });
    events.emit('backup.verified', { ...passed, filename: 'a.db', level: 'quick' });
    events.emit('backup.damaged', { ...failed, filename: 'a.db' });
    events.emit('backup.verified', { ...passed, filename: 'a.db' });
    await notifications.close();
    expect(summary(memory.told)).toEqual(['trouble backup.damaged 1', 'recovered backup.damaged 2']);
  });

  it('a backup that is damaged, without a word, by being removed', async () => {
    const memory = remember();
    const { events, notifications, file } = tell([memory]);
    const removed = (filename: string) =>
      ({ type: 'remove', state: 'succeeded', result: { filename }, startedAt: '' }) as never;
    for (const filename of ['a.db', 'b.db', 'c.db']) events.emit('backup.damaged', { ...failed, filename });
    const decision = { filename: 'b.db', reason: '' } as never;
    const cleanup = { kept: [], failed: [], freedBytes: 0, deleted: [decision] };
    events.emit('cleanup.finished', { ...cleanup, dryRun: true, deleted: [{ filename: 'c.db', reason: '' } as never] });
    events.emit('cleanup.finished', { ...cleanup, dryRun: false });
    events.emit('operation', removed('a.db'));
    await notifications.close();
    expect(summary(memory.told)).toEqual(Array(3).fill('trouble backup.damaged 1'));
    expect(readFileSync(file, 'utf8')).toMatch(/^(?!.*a\.db)(?!.*b\.db).*c\.db/);
  });

  it('an emptied table, by having rows in a backup', async () => {
    const memory = remember();
    const { events, succeed, notifications } = tell([memory]);
    const long = 't'.repeat(5_000);
    for (const table of ['orders', long])
      events.emit('table.shrank', { filename: 'b.db', previous: 'a.db', table, before: 1, after: null });
    succeed({ tables: { orders: 0, users: 1 } });
    succeed({ kind: 'uploaded', tables: { orders: 5 } });
    succeed({ tables: { orders: 1 } });
    succeed({ tables: { [long]: 1 } });
    await notifications.close();
    expect(summary(memory.told)).toEqual([
      'trouble table.shrank 1',
      'trouble table.shrank 1',
      'recovered table.shrank 1',
      'recovered table.shrank 1',
    ]);
  });

  it('a disk that is nearly full, by a create that does not find it so', async () => {
    const memory = remember();
    const { clock, pass } = handClock();
    const { events, notifications } = tell([memory], { clock });
    const create = (low: boolean): void => {
      const startedAt = clock().toISOString();
      pass(1);
      if (low) events.emit('disk.low', { freeBytes: 1, neededBytes: 2 });
      events.emit('operation', { type: 'create', state: 'succeeded', startedAt } as never);
      pass(1);
    };
    for (const low of [false, true, true, false, false]) create(low);
    await notifications.close();
    expect(summary(memory.told)).toEqual(['trouble disk.low 1', 'recovered disk.low 2']);
  });

  it('runs that were missed, by a scheduled backup', async () => {
    const memory = remember();
    const { events, succeed, notifications } = tell([memory]);
    events.emit('schedule.missed', { dueAt: '2026-01-08T21:00:00.000Z', foundAt: '', reason: 'not_running', runs: 3 });
    succeed();
    succeed({ kind: 'scheduled' });
    await notifications.close();
    expect(summary(memory.told)).toEqual(['trouble schedule.missed 1', 'recovered schedule.missed 1']);
    expect(memory.told[0]?.text).toContain('The first of 3 backups that was due at 2026-01-08T21:00:00.000Z');
  });

  it('an interrupted restore has no end: it is known until it was told', async () => {
    const memory = remember();
    const { events, notifications, file } = tell([memory]);
    events.emit('restore.interrupted', interrupted);
    await notifications.close();
    expect(summary(memory.told)).toEqual(['trouble restore.interrupted 1']);
    expect(memory.told[0]?.text).toContain('The live database has the content of the backup.');
    expect(readFileSync(file, 'utf8')).toBe('{"version":1,"streaks":[],"ends":[]}');
  });

  it('a cancelled backup is no trouble', async () => {
    const memory = remember();
    const { fail, notifications } = tell([memory]);
    fail('operation_cancelled');
    await notifications.close();
    expect(memory.told).toEqual([]);
  });
});
