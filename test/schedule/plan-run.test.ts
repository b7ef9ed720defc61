import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { missedWhileAway, missedWhileRunning } from '../../dist/schedule/missed-runs.js';
import { planRun, type RunHistory } from '../../dist/schedule/plan-run.js';

const hourMs = 3_600_000;
const daily = [{ every: 24 * hourMs }];
const at = (instant: string): Date => new Date(instant.includes('T') ? instant : `${instant}T00:00:00Z`);
const run = (startedAt: string, minutes = 1) => ({
  startedAt: at(startedAt),
  finishedAt: new Date(at(startedAt).getTime() + minutes * 60_000),
});
const history = (change: Partial<RunHistory> = {}): RunHistory => ({
  last: null,
  since: at('2026-01-01'),
  failures: 0,
  failedAt: null,
  ...change,
});
const dueAt = (rules: Parameters<typeof planRun>[0], change: Partial<RunHistory>): string =>
  planRun(rules, history(change)).toISOString();
const cron = (pattern: string, timezone = 'UTC') => ({ cron: pattern, timezone });

describe('the next run', () => {
  it('of an interval is due at once where there is none yet, and of a cron rule at its next time', () => {
    expect(dueAt(daily, {})).toBe('2026-01-01T00:00:00.000Z');
    expect(dueAt([cron('30 2 * * *')], {})).toBe('2026-01-01T02:30:00.000Z');
  });

  it('counts from the last backup, not from the start of the process', () => {
    expect(dueAt(daily, { last: run('2026-01-05T10:00:00Z'), since: at('2026-01-06') })).toBe(
      '2026-01-06T10:00:00.000Z',
    );
    expect(dueAt([cron('30 2 * * *')], { last: run('2026-01-05T10:00:00Z') })).toBe('2026-01-06T02:30:00.000Z');
  });

  it('is the earliest of several rules', () => {
    const rules = [cron('0 3 * * 0'), { every: 24 * hourMs }];
    expect(dueAt(rules, { last: run('2026-01-03T12:00:00Z') })).toBe('2026-01-04T03:00:00.000Z');
    expect(dueAt(rules, { last: run('2026-01-04T03:00:00Z') })).toBe('2026-01-05T03:00:00.000Z');
  });

  it('is not one that fell into the time of the last: it is left out, not stacked', () => {
    const last = run('2026-01-01T00:00:00Z', 150);
    expect(planRun([{ every: hourMs }], history({ last }))).toEqual(at('2026-01-01T03:00:00Z'));
    expect(planRun([cron('0 * * * *')], history({ last }))).toEqual(at('2026-01-01T03:00:00Z'));
  });

  it('comes once on the day without 02:30, and once on the day with two', () => {
    const rules = [cron('30 2 * * *', 'Europe/Berlin')];
    const times = (from: string, count: number): string[] => {
      const found: string[] = [];
      for (let last = from; found.length < count; last = found.at(-1) ?? from)
        found.push(dueAt(rules, { last: run(last) }));
      return found;
    };
    expect(times('2026-03-28T12:00:00Z', 2)).toEqual(['2026-03-29T01:30:00.000Z', '2026-03-30T00:30:00.000Z']);
    expect(times('2026-10-24T12:00:00Z', 2)).toEqual(['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z']);
  });

  it('is put off after failures, longer each time, and never beyond the next regular time', () => {
    const failedAt = at('2026-01-02T10:00:00Z');
    const retry = (failures: number, rules = daily): number =>
      (planRun(rules, history({ last: run('2026-01-01T10:00:00Z'), failures, failedAt })).getTime() -
        failedAt.getTime()) /
      60_000;
    expect([1, 2, 3, 6, 7, 8, 50].map((failures) => retry(failures))).toEqual([1, 2, 4, 32, 60, 60, 60]);
    expect(retry(50, [{ every: 600_000 }])).toBe(10);
    expect(retry(50, [cron('15 * * * *') as never])).toBe(15);
  });
});

describe('missed runs', () => {
  it('are those whose time and a later one have passed while nobody was there', () => {
    const past = history({ last: run('2026-01-01T00:00:00Z') });
    const due = at('2026-01-02');
    expect(missedWhileAway(daily, past, due, at('2026-01-02T20:00:00Z'))).toBeNull();
    expect(missedWhileAway(daily, past, due, at('2026-01-04T01:00:00Z'))).toEqual({ dueAt: due, runs: 2 });
    expect(missedWhileAway(daily, { ...past, failures: 1 }, due, at('2026-01-04T01:00:00Z'))).toBeNull();
    expect(missedWhileAway(daily, history(), due, at('2026-01-04T01:00:00Z'))).toBeNull();
  });

  it('are those that were due while one was still running', () => {
    const missed = missedWhileRunning([{ every: hourMs }], at('2026-01-01T00:00:00Z'), at('2026-01-01T02:30:00Z'));
    expect(missed).toEqual({ dueAt: at('2026-01-01T01:00:00Z'), runs: 2 });
    expect(missedWhileRunning(daily, at('2026-01-01'), at('2026-01-01T02:30:00Z'))).toBeNull();
  });
});

const anyRule = fc.oneof(
  fc.integer({ min: 1_000, max: 1_000 * hourMs }).map((every) => ({ every })),
  fc
    .tuple(
      fc.constantFrom('*/7 * * * *', '30 2 * * *', '0 0 1 * *', '15 3 * * 1,4', '0 0 29 2 *'),
      fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Pacific/Apia', 'Asia/Kathmandu'),
    )
    .map(([pattern, timezone]) => cron(pattern, timezone)),
);

it('whatever the rules and the history, the next run comes after the last one ended', () => {
  const anyInstant = fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2035, 0, 1) });
  fc.assert(
    fc.property(
      fc.array(anyRule, { minLength: 1, maxLength: 4 }),
      anyInstant,
      fc.integer({ min: 0, max: 48 * hourMs }),
      (rules, started, tookMs) => {
        const last = { startedAt: new Date(started), finishedAt: new Date(started + tookMs) };
        expect(planRun(rules, history({ last })).getTime()).toBeGreaterThan(started + tookMs);
      },
    ),
    { numRuns: 300 },
  );
});
