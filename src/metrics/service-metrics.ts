import type { ServiceEvents } from '../events/service-events.js';
import { bytesBounds, Histogram, secondsBounds } from './histogram.js';
import type { MetricSource } from './metric-family.js';
import { type MetricName, one, type Sample } from './metric-table.js';
import { Tally } from './tally.js';
import { createVaultLook, type VaultView } from './vault-look.js';
import type { Readings } from './vault-readings.js';

/** The service's events that are counted. */
export type CountedEvents = Omit<
  ServiceEvents,
  'backup.verified' | 'restore.finished' | 'cleanup.finished' | 'disk.low' | 'database.validated'
>;

export interface ServiceMetricsParts {
  readonly vault: VaultView;
  /** Types of operations, each of which has a count from the start. */
  readonly operationTypes: readonly string[];
  readonly clock: () => Date;
}

const outcomes = ['succeeded', 'failed', 'cancelled'] as const;

/** The metrics of one service: what its vault says at a scrape, and what happened since it was made. */
export class ServiceMetrics implements MetricSource {
  readonly #look: () => Promise<Readings | null>;
  readonly #tally = new Tally();
  readonly #histograms = { duration_seconds: new Histogram(secondsBounds), size_bytes: new Histogram(bytesBounds) };
  #failures: { readonly count: number; readonly lastStartedAt: string } = { count: 0, lastStartedAt: '' };

  constructor({ vault, operationTypes, clock }: ServiceMetricsParts) {
    this.#look = createVaultLook(vault, clock);
    this.#countFromZero(operationTypes);
  }

  readonly listeners: { readonly [Name in keyof CountedEvents]: (payload: CountedEvents[Name]) => void } = {
    operation: ({ type, state }) => {
      if (state !== 'running') this.#count(type, state);
    },
    'backup.created': ({ kind, size, durationMs }) => {
      if (kind === 'uploaded') return;
      this.#failures = { count: 0, lastStartedAt: '' };
      this.#histograms.size_bytes.observe(size);
      if (durationMs !== null) this.#histograms.duration_seconds.observe(durationMs / 1000);
    },
    'restore.failed': (failure) => this.#countUnbegun(failure),
    'backup.failed': (failure) => {
      this.#countUnbegun(failure);
      const { operation, error } = failure;
      if (operation.type !== 'create' || error.code === 'operation_cancelled') return;
      this.#failures = { count: this.#failures.count + 1, lastStartedAt: operation.startedAt };
    },
    'backup.damaged': () => this.#tally.add('damage_found_total'),
    'restore.interrupted': () => this.#tally.add('restores_total', { outcome: 'interrupted' }),
    'schedule.missed': ({ reason, runs }) => this.#tally.add('missed_runs_total', { reason }, runs),
    'table.shrank': () => this.#tally.add('shrunk_tables_total'),
    'internal.error': () => this.#tally.add('internal_errors_total'),
  };

  async read(metric: MetricName): Promise<readonly Sample[]> {
    if (metric === 'duration_seconds' || metric === 'size_bytes') return this.#histograms[metric].read();
    if (metric.endsWith('_total')) return this.#tally.read(metric);
    const readings = await this.#look();
    if (metric === 'failures_in_row') return one(this.#failuresIn(readings));
    if (readings === null) return metric === 'vault_readable' ? one(0) : [];
    return readings[metric] ?? [];
  }

  reset(metric: MetricName): void {
    if (metric === 'duration_seconds' || metric === 'size_bytes') this.#histograms[metric].reset();
    else this.#tally.reset(metric);
  }

  #count(type: string, outcome: string): void {
    this.#tally.add('operations_total', { type, outcome });
    if (type === 'restore') this.#tally.add('restores_total', { outcome });
  }

  /** Of one that failed before it began, as where the vault cannot be entered, no event tells but that of the failure. */
  #countUnbegun({ operation: { type, phase }, error }: ServiceEvents['backup.failed']): void {
    if (phase === 'starting') this.#count(type, error.code === 'operation_cancelled' ? 'cancelled' : 'failed');
  }

  /** Another worker may have succeeded since; its events are not heard here, but its backup is in the vault. */
  #failuresIn(readings: Readings | null): number {
    const { count, lastStartedAt } = this.#failures;
    const succeededAt = readings?.last_success_timestamp_seconds?.[0]?.value;
    return succeededAt !== undefined && succeededAt > Date.parse(lastStartedAt) / 1000 ? 0 : count;
  }

  #countFromZero(operationTypes: readonly string[]): void {
    for (const outcome of outcomes) {
      for (const type of operationTypes) this.#tally.add('operations_total', { type, outcome }, 0);
      this.#tally.add('restores_total', { outcome }, 0);
    }
    this.#tally.add('restores_total', { outcome: 'interrupted' }, 0);
    for (const reason of ['still_running', 'not_running']) this.#tally.add('missed_runs_total', { reason }, 0);
    for (const metric of ['damage_found_total', 'shrunk_tables_total', 'internal_errors_total'] as const)
      this.#tally.add(metric, {}, 0);
  }
}
