import { type TaskMeta, TestRunner } from 'vitest';

declare module 'vitest' {
  interface TaskMeta {
    tally?: Record<string, number>;
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
