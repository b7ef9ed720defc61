import { BackupError } from '../errors.js';
import type { EventListeners } from '../events/event-listeners.js';
import type { ServiceEvents } from '../events/service-events.js';
import type { MetricsRegistry } from '../options/metrics-option.js';
import { isMetricFamily, MetricFamily } from './metric-family.js';
import { metricNames, metricPrefix, metricTable } from './metric-table.js';
import { type CountedEvents, ServiceMetrics, type ServiceMetricsParts } from './service-metrics.js';

export interface MetricsParts extends ServiceMetricsParts {
  readonly registry: MetricsRegistry;
  /** Value of the label `database`. */
  readonly database: string;
  readonly events: Pick<EventListeners<ServiceEvents>, 'on'>;
}

/**
 * Puts the metrics of one service into a registry, which makes each metric once and shares it between services.
 * @returns takes them out again
 * @throws BackupError `invalid_options` where another service in the registry has the same label
 */
export function exposeMetrics({ registry, database, events, ...parts }: MetricsParts): () => void {
  const families = familiesOf(registry);
  if (families.some((family) => family.has(database))) {
    throw new BackupError(
      'invalid_options',
      `Expected \`metrics.database\` to be a name that no other service in this registry has, got ${JSON.stringify(database)}.`,
    );
  }
  const metrics = new ServiceMetrics(parts);
  for (const name of Object.keys(metrics.listeners) as (keyof CountedEvents)[])
    events.on(name, metrics.listeners[name] as (payload: unknown) => void);
  for (const family of families) family.add(database, metrics);
  return () => {
    for (const family of families) family.remove(database, metrics);
  };
}

/** Looked for in the registry itself and not remembered, because a host may clear it. */
function familiesOf(registry: MetricsRegistry): MetricFamily[] {
  const found = metricNames.map((metric) => ({ metric, known: registry.getSingleMetric(metricPrefix + metric) }));
  for (const { metric, known } of found) {
    if (known !== undefined && !isMetricFamily(known)) {
      const taken = `another metric in this registry is named ${metricPrefix}${metric}`;
      throw new BackupError('invalid_options', `Expected \`metrics\` to have room for this package's own; ${taken}.`);
    }
  }
  return found.map(({ metric, known }) => {
    if (isMetricFamily(known)) return known;
    const family = new MetricFamily(metric, metricTable[metric]);
    registry.registerMetric(family as never);
    return family;
  });
}
