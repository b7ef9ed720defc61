import { join } from 'node:path';
import { expect, it } from 'vitest';
import { StreakStore } from '../../dist/notify/streak-store.js';
import { addTrouble, endTroubles, type StreakState, settleTrouble } from '../../dist/notify/streaks.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const trouble = (subject: string) =>
  ({ event: 'table.shrank', subject, code: null, what: subject, hint: 'Look at it.', facts: {} }) as const;

/** A worker whose lock can be kept from it. */
function openStore(folder: string, by: string) {
  const faults: unknown[] = [];
  const worker = { isLockedOut: false };
  const store = new StreakStore({
    file: join(folder, 'notify.json'),
    staging: folder,
    exclusively: async (change) => {
      if (worker.isLockedOut) throw new Error('The lock was not to be had.');
      return change();
    },
    fault: (error) => faults.push(error),
  });
  const teller = { by, at: '2026-01-08T21:00:00.000Z', isAlive: () => true };
  const add = (subject: string) => store.change((state) => addTrouble(state, trouble(subject), ['mail'], teller));
  const settle = (subject: string) =>
    store.change((state) => ({ state: settleTrouble(state, trouble(subject), 'mail', true) }));
  const end = (subject: string) =>
    store.change((state) => endTroubles(state, (known) => known.trouble.subject === subject, ['mail'], teller, by));
  return { store, faults, worker, add, settle, end };
}

const subjects = ({ streaks }: StreakState): string[] => streaks.map((streak) => streak.trouble.subject).sort();

it('what was done while the state could not be kept is added to what others wrote since', async () => {
  const folder = temporaryFolder();
  const [one, two] = [openStore(folder, 'one'), openStore(folder, 'two')];
  await one.add('before');
  one.worker.isLockedOut = true;
  await one.add('meanwhile');
  await one.settle('meanwhile');
  await one.end('before');
  expect(subjects(await one.store.read())).toEqual(['meanwhile']);
  await two.add('elsewhere');
  await two.settle('before');
  one.worker.isLockedOut = false;
  const { due } = await one.add('meanwhile');
  expect(due).toEqual([]);
  const { streaks, ends } = await two.store.read();
  expect(subjects({ streaks } as StreakState)).toEqual(['elsewhere', 'meanwhile']);
  expect(streaks.find((streak) => streak.trouble.subject === 'meanwhile')?.count).toBe(2);
  expect(ends).toHaveLength(1);
  expect(await one.store.read()).toEqual(await two.store.read());
  expect(one.faults).toHaveLength(1);
});
