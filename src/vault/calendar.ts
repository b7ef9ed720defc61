const dayMs = 86_400_000;

/** `2026-W53`: the week of ISO 8601, which begins on Monday and belongs to the year of its Thursday. UTC. */
function isoWeek(instant: string): string {
  const date = new Date(instant);
  const daysSinceMonday = (date.getUTCDay() + 6) % 7;
  const thursday = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate() - daysSinceMonday + 3);
  const year = new Date(thursday).getUTCFullYear();
  const week = 1 + Math.floor((thursday - Date.UTC(year, 0, 1)) / (7 * dayMs));
  return `${String(year).padStart(4, '0')}-W${String(week).padStart(2, '0')}`;
}

/** Which hour, day, week, month or year an ISO-8601 UTC instant falls into, in the order of the periods' length. */
export const periodOf = {
  hourly: (instant: string) => instant.slice(0, 13),
  daily: (instant: string) => instant.slice(0, 10),
  weekly: isoWeek,
  monthly: (instant: string) => instant.slice(0, 7),
  yearly: (instant: string) => instant.slice(0, 4),
} as const;

export type Period = keyof typeof periodOf;
export const periods = Object.keys(periodOf) as readonly Period[];
