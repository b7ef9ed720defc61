import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createJournal, type Journal } from '../../dist/coordination/journal.js';
import { createMaintenance } from '../../dist/coordination/maintenance.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const entry = {
  operation: '20260101T000000000Z-000000000000',
  instance: 'another',
  startedAt: '2026-01-01T00:00:00.000Z',
  startedBy: 'ada',
  restored: 'app_backup_2026-01-01_00-00-00.db',
  only: null,
  before: { schemaCookie: 1 },
  schemaSha256: '',
  raisesCookieBy: 1,
  rows: {},
  undoes: null,
  incoming: null,
};

/** A real journal that counts how often it is looked at. */
function countLooks(folder: string): Journal & { looks: number } {
  const journal = createJournal(folder);
  const counted = {
    ...journal,
    looks: 0,
    read: () => {
      counted.looks++;
      return journal.read();
    },
  };
  return counted;
}

it('many requests cost one look for the journal in 100 ms, and the restore of another process is seen by the next look', async () => {
  const folder = temporaryFolder();
  const journal = countLooks(folder);
  const alive = new Set(['another']);
  const maintenance = createMaintenance(journal, (instance) => alive.has(instance));
  const startedAt = performance.now();
  let raised = 0;
  for (let request = 0; request < 100_000; request++) raised += Number(maintenance.isRaised());
  expect(raised).toBe(0);
  expect(journal.looks).toBeLessThanOrEqual(Math.ceil((performance.now() - startedAt) / 100) + 1);
  await journal.intend(entry, folder);
  await delay(110);
  expect(maintenance.isRaised()).toBe(true);
  alive.clear();
  await delay(110);
  expect(maintenance.isRaised()).toBe(false);
});

it('what this process raises is raised at once, until each restore has lowered it', () => {
  const maintenance = createMaintenance(createJournal(temporaryFolder()), () => true);
  expect(maintenance.isRaised()).toBe(false);
  const lowers = [maintenance.raise(), maintenance.raise()];
  expect(maintenance.isRaised()).toBe(true);
  lowers[0]?.();
  expect(maintenance.isRaised()).toBe(true);
  lowers[1]?.();
  expect(maintenance.isRaised()).toBe(false);
});
