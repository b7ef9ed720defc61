import type { Operation } from '../events/service-events.js';
import type { Logger } from '../options/logger-option.js';

export interface Line {
  readonly level: keyof Logger;
  readonly fields: object;
  readonly message: string;
}

/** Warnings in one line. */
const mostWarnings = 20;

/** Of one that failed before it began, as where the vault cannot be entered, no event tells but that of the failure. */
export const hadBegun = ({ phase }: Operation): boolean => phase !== 'starting';

/** The line about an operation that ended, or, at level debug, that began; null for its progress. */
export function operationLine(operation: Operation): Line | null {
  const { id, type, state, startedBy: by } = operation;
  if (state === 'running') {
    // Its phase is the first one once, when it begins.
    return !hadBegun(operation)
      ? { level: 'debug', fields: { operation: id, type, by }, message: `${type} began` }
      : null;
  }
  const result = asRecord(operation.result);
  const warnings = Array.isArray(result.warnings) ? result.warnings.slice(0, mostWarnings) : [];
  const fields = {
    operation: id,
    type,
    by,
    outcome: state,
    file: fileOf(result, operation.problem),
    durationMs: duration(operation),
    ...(warnings.length > 0 && { warnings }),
    ...failure(operation.problem),
  };
  return { level: levelOf(state, warnings), fields, message: `${type} ${state}` };
}

/** A cancelled operation is somebody's wish, not a fault. */
function levelOf(state: string, warnings: readonly unknown[]): Line['level'] {
  if (state === 'failed') return 'error';
  return state === 'cancelled' || warnings.length > 0 ? 'warn' : 'info';
}

/** The backup it was about: made, verified, removed or restored. */
function fileOf(result: Readonly<Record<string, unknown>>, problem: Operation['problem']): string | null {
  const file = result.filename ?? result.restored ?? problem?.filename;
  return typeof file === 'string' ? file : null;
}

/** `detail` names no path; `instance` leads to the line with the cause. */
function failure(problem: Operation['problem']): object {
  if (problem === null) return { code: null };
  const { code, detail, instance } = problem;
  return { code, detail, ...(instance !== undefined && { instance }) };
}

/** By the clock of the wall, which may have been set back meanwhile. */
function duration({ startedAt, finishedAt }: Operation): number | null {
  return finishedAt === null ? null : Math.max(0, Date.parse(finishedAt) - Date.parse(startedAt));
}

const asRecord = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
