import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { inTurn } from '../../dist/operations/run/in-turn.js';
import type { OperationSpec } from '../../dist/operations/run/operation-spec.js';
import { assembled } from '../helpers/assembled.js';
import { createWorkspace } from '../helpers/workspace.js';

const spec: OperationSpec = { type: 'cleanup', by: 'test', exclusive: true, stages: false };

async function assemble() {
  const { databaseFile, directory } = createWorkspace();
  const { parts } = await assembled({ database: databaseFile, directory, schedule: false });
  return parts;
}

it('what was refused the lock does not free it', async () => {
  const { runner } = await assemble();
  const work = { isDone: false };
  const idle = runner.whileIdle(async () => {
    await delay(7_000);
    work.isDone = true;
  });
  await delay(50);
  // It waits for what is short work, and gives up on this one.
  await expect(runner.run(spec, async () => 'ran')).rejects.toMatchObject({ code: 'operation_in_progress' });
  expect(runner.isChanging()).toBe(true);
  expect(await runner.run(spec, async () => work.isDone)).toBe(true);
  await idle;
});

it('short work under the lock is waited for', async () => {
  const { runner } = await assemble();
  const idle = runner.whileIdle(() => delay(100));
  await expect(runner.run(spec, async () => 'ran')).resolves.toBe('ran');
  await idle;
  expect(runner.isChanging()).toBe(false);
});

it('short work does not wait for an operation of its own service', async () => {
  const { runner } = await assemble();
  const run = runner.run(spec, () => delay(100));
  expect(await runner.whileIdle(async () => 'worked')).toBe(undefined);
  await run;
  expect(await runner.whileIdle(async () => 'worked')).toBe('worked');
});

it('whoever waits for a turn lets the operation get on that has not begun yet', async () => {
  const parts = await assemble();
  const { runner } = parts;
  const first = runner.run(spec, async () => 'first');
  await expect(inTurn(parts, () => runner.run(spec, async () => 'second'))).resolves.toBe('second');
  await expect(first).resolves.toBe('first');
});
