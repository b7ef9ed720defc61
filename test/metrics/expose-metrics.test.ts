import type { ServiceEvents } from 'express-db-backup';
import { Registry } from 'prom-client';
import { afterEach, expect, it, vi } from 'vitest';
import { createEvents } from '../../dist/events/event-listeners.js';
import { exposeMetrics } from '../../dist/metrics/expose-metrics.js';
import { Histogram } from '../../dist/metrics/histogram.js';
import type { VaultView } from '../../dist/metrics/vault-look.js';
import { type StoredBackup, vaultReadings } from '../../dist/metrics/vault-readings.js';
import { scrape } from '../helpers/scrape.js';

afterEach(() => void vi.useRealTimers());

const emptyVault: VaultView = { list: async () => [], freeBytes: async () => 5 };

function expose(vault: VaultView = emptyVault) {
  const registry = new Registry();
  const events = createEvents<ServiceEvents>();
  exposeMetrics({ registry, database: 'app.db', events, vault, operationTypes: ['create'], clock: () => new Date() });
  const emit = <Name extends keyof ServiceEvents>(name: Name, counted: object): void =>
    events.emit(name, counted as ServiceEvents[Name]);
  return { registry, emit };
}

it('missed runs are counted by how many they were, and what else is told of once', async () => {
  const { registry, emit } = expose();
  emit('schedule.missed', { reason: 'not_running', runs: 12 });
  emit('schedule.missed', { reason: 'still_running', runs: 1 });
  emit('restore.interrupted', {});
  emit('table.shrank', {});
  emit('internal.error', {});
  const told = await scrape(registry);
  expect(told.value('missed_runs_total', { reason: 'not_running' })).toBe(12);
  expect(told.value('missed_runs_total', { reason: 'still_running' })).toBe(1);
  expect(told.value('restores_total', { outcome: 'interrupted' })).toBe(1);
  expect(told.value('shrunk_tables_total')).toBe(1);
  expect(told.value('internal_errors_total')).toBe(1);
});

it('an operation that failed before it began is counted once, and so is one that had begun', async () => {
  const { registry, emit } = expose();
  const operation = { type: 'create', state: 'failed', startedAt: '2026-01-08T21:00:00.000Z' };
  const error = { code: 'vault_read_only' };
  emit('backup.failed', { operation: { ...operation, phase: 'starting' }, error });
  emit('operation', { ...operation, phase: 'done' });
  emit('backup.failed', { operation: { ...operation, phase: 'done' }, error });
  emit('restore.failed', { operation: { ...operation, type: 'restore', phase: 'starting' }, error });
  const told = await scrape(registry);
  expect(told.value('operations_total', { type: 'create', outcome: 'failed' })).toBe(2);
  expect(told.value('failures_in_row')).toBe(2);
  expect(told.value('restores_total', { outcome: 'failed' })).toBe(1);
});

it('all metrics of a scrape share one look at the vault', async () => {
  const list = vi.fn(async () => []);
  const { registry } = expose({ ...emptyVault, list });
  await Promise.all([scrape(registry), scrape(registry)]);
  expect(list).toHaveBeenCalledTimes(1);
  await scrape(registry);
  expect(list).toHaveBeenCalledTimes(2);
});

it('a vault that does not answer is told as unreadable after 3 s, and is not asked again meanwhile', async () => {
  vi.useFakeTimers();
  const list = vi.fn(() => new Promise<never>(() => undefined));
  const { registry } = expose({ ...emptyVault, list });
  for (let time = 0; time < 2; time++) {
    const told = scrape(registry);
    await vi.advanceTimersByTimeAsync(3_000);
    expect((await told).value('vault_readable')).toBe(0);
  }
  expect(list).toHaveBeenCalledTimes(1);
});

it('a vault whose free bytes cannot be asked for tells the rest', async () => {
  const freeBytes = async (): Promise<never> => {
    throw new Error('no statfs here');
  };
  const told = await scrape(expose({ ...emptyVault, freeBytes }).registry);
  expect([told.value('vault_readable'), told.value('free_bytes')]).toEqual([1, undefined]);
});

const backup = (change: Partial<StoredBackup>): StoredBackup => ({
  kind: 'manual',
  createdAt: '2026-01-08T21:00:00.000Z',
  size: 10,
  verification: { ok: true, at: '2026-01-08T21:00:01.000Z' },
  ...change,
});
const now = new Date('2026-01-09T21:00:00.000Z');

it('a backup that was never verified waits since it was made, and a stray file waits for nothing', () => {
  const never = backup({ createdAt: '2026-01-07T00:00:00.000Z', verification: { ok: null, at: null } });
  const stray = backup({ kind: null, createdAt: '2020-01-01T00:00:00.000Z', verification: null });
  const told = vaultReadings([backup({}), never, stray], null, now);
  expect(told.oldest_verification_timestamp_seconds).toEqual([
    { labels: {}, value: Date.parse('2026-01-07T00:00:00.000Z') / 1000 },
  ]);
  expect(told.last_verification_timestamp_seconds).toEqual([
    { labels: {}, value: Date.parse('2026-01-08T21:00:01.000Z') / 1000 },
  ]);
  expect(told.last_success_age_seconds).toEqual([{ labels: {}, value: 86_400 }]);
  expect(told.backups).toContainEqual({ labels: { kind: 'stray' }, value: 1 });
  expect(told.free_bytes).toBeUndefined();
});

it('the buckets of a histogram add up, the bound itself belonging to its bucket', () => {
  const histogram = new Histogram([1, 2]);
  for (const value of [0.5, 1, 1.5, 3]) histogram.observe(value);
  expect(histogram.read().map(({ labels, value, ending }) => [ending, labels.le, value])).toEqual([
    ['_bucket', 1, 2],
    ['_bucket', 2, 3],
    ['_bucket', '+Inf', 4],
    ['_sum', undefined, 6],
    ['_count', undefined, 4],
  ]);
});
