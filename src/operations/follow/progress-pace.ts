import type { Operation } from '../../coordination/operation.js';

type Progress = NonNullable<Operation['progress']>;

/** How far an operation is in its phase, with what follows from its pace. Null is what is not known. */
export interface ToldProgress extends Progress {
  /** 0 to 1. */
  readonly fraction: number | null;
  readonly bytesPerSecond: number | null;
  /** Until the end of the phase. */
  readonly secondsLeft: number | null;
}

interface Sample {
  readonly done: number;
  /** Milliseconds on the clock of `performance.now()`. */
  readonly at: number;
}

/** A rate over less than this says little. */
const shortestMs = 500;
/** The pace is that of the last 5 to 10 s. */
const spanMs = 5_000;

/** Measures the pace of one operation from what it tells of its progress; each phase begins anew. */
export function measurePace(): (operation: Operation, now: number) => ToldProgress | null {
  let phase: string | undefined;
  let from: Sample = { done: 0, at: 0 };
  let later: Sample = from;
  return function progressOf(operation, now) {
    const { progress } = operation;
    if (progress === null) return null;
    const sample = { done: progress.done, at: now };
    if (operation.phase !== phase || sample.done < from.done) {
      phase = operation.phase;
      [from, later] = [sample, sample];
    } else if (now - later.at >= spanMs) [from, later] = [later, sample];
    return { ...progress, ...outlook(progress, from, now) };
  };
}

function outlook({ done, total, unit }: Progress, from: Sample, now: number): Omit<ToldProgress, keyof Progress> {
  const elapsedMs = now - from.at;
  const perSecond = elapsedMs >= shortestMs && done > from.done ? ((done - from.done) * 1_000) / elapsedMs : null;
  return {
    fraction: total > 0 ? Math.min(1, Math.round((done / total) * 10_000) / 10_000) : null,
    bytesPerSecond: perSecond !== null && unit === 'bytes' ? Math.round(perSecond) : null,
    secondsLeft: perSecond !== null && total > 0 ? Math.ceil(Math.max(0, total - done) / perSecond) : null,
  };
}
