import { type MetricName, type MetricRow, metricPrefix, type Sample } from './metric-table.js';

/** One service: what the metrics of its database are worth at this moment. */
export interface MetricSource {
  read(metric: MetricName): Promise<readonly Sample[]>;
  reset(metric: MetricName): void;
}

/** What a registry of prom-client asks of a metric. */
interface Rendered {
  readonly name: string;
  readonly help: string;
  readonly type: MetricRow['type'];
  readonly aggregator: MetricRow['merge'];
  readonly values: readonly { readonly labels: object; readonly value: number; readonly metricName?: string }[];
}

/** Another copy of this package in the process knows a family by it. */
const mark = Symbol.for('express-db-backup.metric-family');

/**
 * One metric of all services in a registry, with the shape that a registry of prom-client expects. It is no class of
 * prom-client, so the host's copy need not be found, and may be any.
 */
export class MetricFamily {
  readonly [mark] = true;
  /** A registry in OpenMetrics mode takes `_total` off, so it may change. */
  name: string;
  readonly help: string;
  readonly type: MetricRow['type'];
  readonly aggregator: MetricRow['merge'];
  readonly #metric: MetricName;
  /** By the value of the label `database`. */
  readonly #sources = new Map<string, MetricSource>();

  constructor(metric: MetricName, { type, merge, help }: MetricRow) {
    this.#metric = metric;
    this.name = metricPrefix + metric;
    this.help = help;
    this.type = type;
    this.aggregator = merge;
  }

  has(database: string): boolean {
    return this.#sources.has(database);
  }

  add(database: string, source: MetricSource): void {
    this.#sources.set(database, source);
  }

  /** Leaves alone what a later service has put there. */
  remove(database: string, source: MetricSource): void {
    if (this.#sources.get(database) === source) this.#sources.delete(database);
  }

  async get(): Promise<Rendered> {
    const { name, help, type, aggregator } = this;
    const read = [...this.#sources].map(async ([database, source]) =>
      (await source.read(this.#metric)).map(({ labels, value, ending }) => ({
        labels: { database, ...labels },
        value,
        ...(ending !== undefined && { metricName: name + ending }),
      })),
    );
    return { name, help, type, aggregator, values: (await Promise.all(read)).flat() };
  }

  /** What a registry's `resetMetrics` asks for: counts begin at 0 again; what the vault says stays. */
  reset(): void {
    for (const source of this.#sources.values()) source.reset(this.#metric);
  }
}

export function isMetricFamily(value: unknown): value is MetricFamily {
  return typeof value === 'object' && value !== null && mark in value;
}
