import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../temporary-folder.js';
import { type Ended, runScenario } from './run-scenario.js';
import { type Prepared, prepareApp, type Scenario, within } from './scenarios.js';
import { type Call, childLogs, readCalls, traceChildren, traceHost } from './strace.js';

/** The application itself, or a process that its service starts: `child 1` is the first one. */
export type Victim = 'host' | `child ${number}`;

/** One call of an operation that a fault can be aimed at. */
export interface Position {
  readonly victim: Victim;
  readonly call: Call;
  /** Whether another thread makes a call of this name and ordinal that has nothing to do with the operation. */
  readonly ambiguous: boolean;
}

export interface Aim extends Position {
  readonly effect: string;
}

export interface Shot {
  readonly aim: Aim;
  readonly ended: Ended;
  /**
   * `met`: the fault met calls on the application's files alone. `passed`: it met nothing, since the operation made fewer
   * calls this time. `aside`: it met something else, such as a message between processes.
   */
  readonly fault: 'met' | 'passed' | 'aside';
  /** The calls that it met: not always the one that was aimed at, since calls shift a little, and one of each thread. */
  readonly met: readonly Call[];
}

/** Where one operation is run again and again, each time on a fresh copy of the same folder. */
export class EveryCall {
  readonly #scenario: Scenario;
  readonly #parent: string;
  readonly #template: Prepared;
  #runs = 0;

  private constructor(scenario: Scenario, parent: string, template: Prepared) {
    this.#scenario = scenario;
    this.#parent = parent;
    this.#template = template;
  }

  static async of(scenario: Scenario): Promise<EveryCall> {
    const parent = temporaryFolder();
    return new EveryCall(scenario, parent, await prepareApp(parent, scenario));
  }

  /** Runs it undisturbed and tells which of these calls it makes on files of the application's folder, and who makes them. */
  async positions(calls: readonly string[], isWanted: (call: Call) => boolean = () => true): Promise<Position[]> {
    const { app, logs } = this.#fresh();
    const log = join(logs, 'host.log');
    const nodeForChildren = traceChildren(logs, { calls });
    const ended = await runScenario(this.#scenario, app, 'undisturbed', {
      nodeForChildren,
      onReady: ({ pid }) => traceHost(pid, { log, calls }),
    });
    if (ended.type !== 'done') throw new Error(`The operation failed without a fault: ${JSON.stringify(ended)}`);
    rmSync(app.folder, { recursive: true });
    // What the host does beside the vault is the application's own: it has the database open.
    const host = positionsIn(readCalls(log), 'host', (call) => isWanted(call) && call.text.includes(app.directory));
    const children = childLogs(logs).map((file, index) =>
      positionsIn(readCalls(file), `child ${index + 1}`, (call) => isWanted(call) && call.text.includes(app.folder)),
    );
    return [...host, ...children.flat()];
  }

  /** Runs it with one fault; aims again, a little earlier or later, when the fault met something else. */
  async shoot(aim: Aim): Promise<Shot> {
    let shot = await this.#shootOnce(aim);
    for (const shift of aim.ambiguous ? [] : shifts) {
      if (shot.fault !== 'aside') break;
      shot = await this.#shootOnce({ ...aim, call: { ...aim.call, ordinal: Math.max(1, aim.call.ordinal + shift) } });
    }
    return shot;
  }

  async #shootOnce(aim: Aim): Promise<Shot> {
    const { app, logs } = this.#fresh();
    const { victim, call, effect } = aim;
    const log = join(logs, 'host.log');
    const options = { calls: [call.name], injection: { call, effect } };
    const told = `${effect} at ${call.name} ${call.ordinal} of ${victim} (${call.text})`;
    const ended = await runScenario(this.#scenario, app, told, {
      ...(victim === 'host'
        ? { onReady: ({ pid }) => traceHost(pid, { log, ...options }) }
        : { nodeForChildren: traceChildren(logs, { ...options, only: Number(victim.slice('child '.length)) }) }),
    });
    rmSync(app.folder, { recursive: true });
    const met = (victim === 'host' ? [log] : childLogs(logs))
      .flatMap(readCalls)
      .filter(({ text }) => wasMet.test(text));
    const isOwn = met.every(({ text }) => text.includes(app.folder));
    return { aim, ended, fault: met.length === 0 ? 'passed' : isOwn ? 'met' : 'aside', met };
  }

  #fresh(): { app: Prepared; logs: string } {
    const place = join(this.#parent, `run-${++this.#runs}`);
    const logs = join(place, 'logs');
    mkdirSync(logs, { recursive: true });
    const app = within(join(place, 'app'), this.#template);
    cpSync(this.#template.folder, app.folder, { recursive: true });
    return { app, logs };
  }
}

/** The same thread also writes messages and wake-ups, whose number differs by one or two from run to run. */
const shifts = [0, 1, -1, 2, -2];

/** A call that a signal keeps from beginning has no result. */
const wasMet = /\(INJECTED\)$|= \?$|<unfinished \.\.\.>$/;

/** Threads count by themselves, and strace aims at the n-th call of each: where two make one, it is one case. */
function positionsIn(calls: readonly Call[], victim: Victim, isWanted: (call: Call) => boolean): Position[] {
  const positions = new Map<string, Position>();
  for (const call of calls.filter(isWanted)) {
    const same = calls.filter(({ name, ordinal }) => name === call.name && ordinal === call.ordinal);
    positions.set(`${call.name} ${call.ordinal}`, { victim, call, ambiguous: !same.every(isWanted) });
  }
  return [...positions.values()];
}
