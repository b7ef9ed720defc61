import { z } from 'zod';

/** A registry of prom-client, known by its shape: whichever copy of prom-client the host has, its registry will do. */
export interface MetricsRegistry {
  registerMetric(metric: never): void;
  getSingleMetric(name: string): unknown;
}

const isRegistry = (value: unknown): boolean => {
  const { registerMetric, getSingleMetric } = (value ?? {}) as Partial<Record<keyof MetricsRegistry, unknown>>;
  return typeof registerMetric === 'function' && typeof getSingleMetric === 'function';
};
const registry = z.custom<MetricsRegistry>(isRegistry, 'a registry of prom-client, such as its `register`');

/** A registry, or one together with what the label `database` says where two databases have the same base name. */
export const metricsSchema = z.union(
  [
    registry.transform((given) => ({ registry: given, database: undefined })),
    z.strictObject({ registry, database: z.string().min(1).max(200).optional() }),
  ],
  'a registry of prom-client, such as its `register`, or { registry, database }',
);
