import { toBackupError } from '../../../errors.js';
import { hintOf } from '../../hints.js';

/** What was found of one thing. */
export interface Diagnosis {
  readonly check: string;
  /** `note`: nothing is wrong, but it is good to know. */
  readonly verdict: 'ok' | 'note' | 'warning' | 'critical';
  readonly message: string;
  /** What mends it, or what to know before anything is done. */
  readonly fix: string | null;
}

export const passed = (check: string, message: string): Diagnosis => ({ check, verdict: 'ok', message, fix: null });
export const note = (check: string, message: string, fix: string | null = null): Diagnosis => ({
  check,
  verdict: 'note',
  message,
  fix,
});

/** One examination that fails is a diagnosis as well, and none of the others is left out for it. */
export async function examined(
  check: string,
  examine: () => Diagnosis | readonly Diagnosis[] | Promise<Diagnosis | readonly Diagnosis[]>,
): Promise<readonly Diagnosis[]> {
  try {
    return [await examine()].flat();
  } catch (error) {
    const told = toBackupError(error);
    const message = `This could not be examined (${check.replaceAll('_', ' ')}): ${told.message}`;
    return [{ check, verdict: 'critical', message, fix: hintOf(told) }];
  }
}
