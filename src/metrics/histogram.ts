import type { Sample } from './metric-table.js';

/** Seconds: a small database takes a tenth of one, and `limits.operationMs` is 10 minutes unless told otherwise. */
export const secondsBounds = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];
/** Bytes: 1 MiB to 256 GiB in steps of four. */
export const bytesBounds = Array.from({ length: 10 }, (_, step) => 1024 ** 2 * 4 ** step);

/** How many values were at most as large as each bound. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #values: number[];
  #sum = 0;
  #count = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#values = bounds.map(() => 0);
  }

  observe(value: number): void {
    this.#bounds.forEach((bound, index) => {
      if (value <= bound) this.#values[index] = (this.#values[index] ?? 0) + 1;
    });
    this.#sum += value;
    this.#count += 1;
  }

  read(): Sample[] {
    return [
      ...this.#bounds.map((le, index) => bucket(le, this.#values[index] ?? 0)),
      bucket('+Inf', this.#count),
      { labels: {}, value: this.#sum, ending: '_sum' },
      { labels: {}, value: this.#count, ending: '_count' },
    ];
  }

  reset(): void {
    this.#values.fill(0);
    this.#sum = 0;
    this.#count = 0;
  }
}

const bucket = (le: number | string, value: number): Sample => ({ labels: { le }, value, ending: '_bucket' });
