/** The middle of the values: one run that the machine disturbed does not move it. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** @returns {{ median: number, lowest: number, highest: number }} */
export function summarise(values) {
  return { median: median(values), lowest: Math.min(...values), highest: Math.max(...values) };
}

/** Each run against the other's run of the same round: what slows a whole round cancels out. */
export function medianRatio(values, others) {
  return median(values.map((value, round) => value / others[round]));
}
