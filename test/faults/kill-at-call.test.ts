import { describe, expect, it } from 'vitest';
import { mapLimited } from '../../dist/system/map-limited.js';
import { type Aim, EveryCall } from '../helpers/faults/every-call.js';
import { scenarios } from '../helpers/faults/scenarios.js';
import { canTrace, changingCalls } from '../helpers/faults/strace.js';
import { tally } from '../helpers/faults/tally.js';

const parallelRuns = 2;
const cases = Object.entries(scenarios);

/** A kill among messages and wake-ups is a kill too, but not at the call that was meant. */
const isShifting = ({ ambiguous, call }: Aim): boolean => ambiguous || call.name === 'write';

describe.runIf(canTrace())('SIGKILL before each system call that changes a file', () => {
  it.each(cases)(
    'of a %s, in the application or in a process of its service, leaves all old or all new',
    async (_name, scenario) => {
      const bench = await EveryCall.of(scenario);
      const positions = await bench.positions([...changingCalls, 'chmod', 'fchmod']);
      const shots = await mapLimited(positions, parallelRuns, (position) =>
        bench.shoot({ ...position, effect: 'signal=SIGKILL' }),
      );
      for (const { aim, ended, fault } of shots) {
        const told = `${aim.victim}, ${aim.call.text}: ${JSON.stringify(ended)}`;
        // Whichever the answer is, it is the true one; that is checked in any case. A process that only copies is replaced.
        expect(aim.victim === 'host' ? ['killed', 'done', 'failed'] : ['done', 'failed'], told).toContain(ended.type);
        if (!isShifting(aim)) expect(['met', 'passed'], told).toContain(fault);
      }
      const kills = shots.filter(({ fault }) => fault !== 'passed').length;
      expect(kills).toBeGreaterThan(positions.length * 0.8);
      tally('kills at a system call', kills);
    },
    600_000,
  );
});
