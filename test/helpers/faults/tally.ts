import { it, type TaskMeta, TestRunner } from 'vitest';

declare module 'vitest' {
  interface TaskMeta {
    tally?: Record<string, number>;
    leftOut?: string;
  }
}

/** What the suites of this folder try; the README has a row for each. */
export const tallyKinds = [
  'kills at a system call',
  'kills at a random moment',
  'injected ENOSPC',
  'injected EIO',
  'power cuts',
  'full, small and read-only disks',
] as const;
export type TallyKind = (typeof tallyKinds)[number];

/** Adds to what the running test has tried; it counts for the report when the test passes. */
export function tally(kind: string, tried: number): void {
  const meta: TaskMeta | undefined = TestRunner.getCurrentTest()?.meta;
  if (meta === undefined) throw new Error('Nothing is counted outside a test.');
  meta.tally = { ...meta.tally, [kind]: (meta.tally?.[kind] ?? 0) + tried };
}

/** Shows cases that this machine does not allow as skipped tests, each with the reason in its name. */
export function leftOut(isLeftOut: boolean, reason: string, cases: readonly string[]): void {
  if (isLeftOut) it.skip.each(cases)(`LEFT OUT, ${reason}: %s`, () => undefined);
}
