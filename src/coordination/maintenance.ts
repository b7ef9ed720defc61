import type { Journal } from './journal.js';

/** How late a process hears of a restore in another one, milliseconds; and how seldom requests cost a look at the disk. */
const lookEveryMs = 100;

/** Whether a restore is replacing the live content at this moment, in this process or another. */
export interface Maintenance {
  /** @returns a function that lowers it again */
  raise(): () => void;
  isRaised(): boolean;
}

/** Of other processes the journal tells, for as long as the service lives that wrote it. */
export function createMaintenance(journal: Journal, isAlive: (instance: string) => boolean): Maintenance {
  let raisedHere = 0;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let raisedElsewhere = false;
  return {
    raise() {
      raisedHere++;
      return () => {
        raisedHere--;
      };
    },
    isRaised() {
      if (raisedHere > 0) return true;
      const now = performance.now();
      if (now - lookedAt < lookEveryMs) return raisedElsewhere;
      lookedAt = now;
      const entry = journal.read();
      raisedElsewhere = entry !== null && isAlive(entry.instance);
      return raisedElsewhere;
    },
  };
}
