import { expect, it } from 'vitest';
import { StopGate } from '../../../../dist/engines/sqlite/child/stop-gate.js';

/** The gate as each of the two threads has it. */
function createGates(): { main: StopGate; task: StopGate } {
  const main = new StopGate();
  return { main, task: new StopGate(main.memory) };
}

it('a stop that is asked for while the gate is open takes effect now, and the task comes no further', () => {
  const { main, task } = createGates();
  expect(main.requestStop()).toBe(true);
  expect(() => task.close()).toThrow();
});

it('a stop that is asked for while the gate is closed takes effect when it opens', () => {
  const { main, task } = createGates();
  task.close();
  expect(main.requestStop()).toBe(false);
  expect(task.reopen()).toBe(true);
});

it('nothing happens at a gate that closes and opens when nobody asked for a stop', () => {
  const { main, task } = createGates();
  task.close();
  expect(task.reopen()).toBe(false);
  expect(main.requestStop()).toBe(true);
});
