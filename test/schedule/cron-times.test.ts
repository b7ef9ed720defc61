import { Cron } from 'croner';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextCronTime } from '../../dist/schedule/cron-times.js';

const hourMs = 3_600_000;

/** The times of a rule from an instant on, for so many hours. */
function timesFrom(cron: string, timezone: string, from: string, hours: number): string[] {
  const end = Date.parse(from) + hours * hourMs;
  const found: string[] = [];
  for (let at = new Date(from); ; ) {
    at = nextCronTime({ cron, timezone }, at);
    if (at.getTime() > end) return found;
    found.push(at.toISOString().slice(5, 16));
  }
}

const berlin = 'Europe/Berlin';
const spring = '2026-03-28T23:00:00Z';
const autumn = '2026-10-24T22:00:00Z';

describe('on the day on which 02:00 to 03:00 is left out', () => {
  it.each([
    ['30 2 * * *', ['03-29T01:30']],
    ['0,30 2 * * *', ['03-29T01:00', '03-29T01:30']],
    ['*/30 2 * * *', ['03-29T01:00', '03-29T01:30']],
    ['30 2,14 * * *', ['03-29T01:30', '03-29T12:30']],
    ['0 2-4 * * *', ['03-29T01:00', '03-29T02:00']],
    ['0 */12 * * *', ['03-29T10:00']],
    ['15 30 2 29 3 *', ['03-29T01:30']],
  ])('%s comes as often as it should', (cron, times) => {
    expect(timesFrom(cron, berlin, spring, 22)).toEqual(times);
  });

  it('an expression for every hour comes in each of them', () => {
    expect(timesFrom('5 * * * *', berlin, spring, 4)).toEqual([
      '03-28T23:05',
      '03-29T00:05',
      '03-29T01:05',
      '03-29T02:05',
    ]);
  });
});

describe('on the day on which 02:00 to 03:00 comes twice', () => {
  it.each([
    ['30 2 * * *', ['10-25T00:30']],
    ['0,30 2 * * *', ['10-25T00:00', '10-25T00:30']],
    ['*/30 2 * * *', ['10-25T00:00', '10-25T00:30']],
    ['30 2,14 * * *', ['10-25T00:30', '10-25T13:30']],
    ['0 2-4 * * *', ['10-25T00:00', '10-25T02:00', '10-25T03:00']],
  ])('%s comes as often as it should', (cron, times) => {
    expect(timesFrom(cron, berlin, autumn, 24)).toEqual(times);
  });

  it.each(['5 * * * *', '0 5 * * * *'])('%s, for every hour, comes in each of them', (cron) => {
    expect(timesFrom(cron, berlin, autumn, 4)).toEqual(['10-24T22:05', '10-24T23:05', '10-25T00:05', '10-25T01:05']);
  });
});

it('a day that a zone left out shares its run with the next one', () => {
  expect(timesFrom('0 9 * * *', 'Pacific/Apia', '2011-12-29T00:00:00Z', 72)).toEqual([
    '12-29T19:00',
    '12-30T19:00',
    '12-31T19:00',
  ]);
});

it('a shift of half an hour leaves nothing out either', () => {
  // Lord Howe: 02:00 becomes 02:30 on 4 October 2026, and 01:30 on 5 April.
  expect(timesFrom('15 2 * * *', 'Australia/Lord_Howe', '2026-10-03T00:00:00Z', 48)).toEqual([
    '10-03T15:45',
    '10-04T15:15',
  ]);
  expect(timesFrom('45 1 * * *', 'Australia/Lord_Howe', '2026-04-04T00:00:00Z', 48)).toEqual([
    '04-04T14:45',
    '04-05T15:15',
  ]);
});

it('a date that comes every few years is found', () => {
  expect(nextCronTime({ cron: '0 0 29 2 *', timezone: 'Asia/Kathmandu' }, new Date('2026-01-01')).toISOString()).toBe(
    '2028-02-28T18:15:00.000Z',
  );
});

it('where no clock is set it is what croner says', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(
        '*/7 * * * *',
        '30 2 * * *',
        '0 0 1 * *',
        '15 3 * * 1,4',
        '0 12 L * *',
        '@weekly',
        '5 0 3 * * 5#2',
      ),
      fc.constantFrom('UTC', 'Asia/Kathmandu', 'Asia/Tokyo', 'America/Phoenix'),
      fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2035, 0, 1) }),
      (cron, timezone, ms) => {
        const after = new Date(ms);
        const next = new Cron(cron, { timezone, paused: true }).nextRun(after);
        expect(nextCronTime({ cron, timezone }, after)).toEqual(next);
      },
    ),
    { numRuns: 300 },
  );
});
