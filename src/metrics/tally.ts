import type { MetricName, Sample } from './metric-table.js';

type Labels = Readonly<Record<string, string>>;

/** What was counted since this process started. A count is there from the start as 0, or its first rise would not show. */
export class Tally {
  readonly #counts = new Map<MetricName, Map<string, { readonly labels: Labels; value: number }>>();

  add(metric: MetricName, labels: Labels = {}, by = 1): void {
    const counts = this.#counts.get(metric) ?? new Map();
    this.#counts.set(metric, counts);
    const key = JSON.stringify(labels);
    const count = counts.get(key) ?? { labels, value: 0 };
    counts.set(key, count);
    count.value += by;
  }

  read(metric: MetricName): Sample[] {
    return [...(this.#counts.get(metric)?.values() ?? [])].map(({ labels, value }) => ({ labels, value }));
  }

  reset(metric: MetricName): void {
    for (const count of this.#counts.get(metric)?.values() ?? []) count.value = 0;
  }
}
