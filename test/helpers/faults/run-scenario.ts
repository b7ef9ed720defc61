import { expect } from 'vitest';
import { type FixtureProcess, startFixtureIn } from '../fixture-process.js';
import { contentOutside, expectInvariants, keepAll, liveContent } from '../invariants.js';
import { oldContent, type Prepared, type Scenario, states } from './scenarios.js';

export interface Outcome {
  /** `killed`: the application ended without an answer; `stuck`: it neither answered nor ended. */
  readonly type: 'done' | 'failed' | 'killed' | 'stuck';
  readonly code?: string;
  readonly message?: string;
  readonly value?: unknown;
}

export interface Ended extends Outcome {
  /** What `generations` says of the live database afterwards. */
  readonly live: string;
  /** The phases of the operation. */
  readonly phases: readonly string[];
}

export interface RunOptions {
  /** What is started in the place of node when the service starts a process. */
  readonly nodeForChildren?: string;
  /** In this phase of the operation somebody else fills the disk, but for so many bytes or inodes. */
  readonly fill?: { readonly phase: string; readonly what: 'bytes' | 'inodes'; readonly leave: number };
  /** Called when the operation has ended, before anything is looked at. */
  readonly onEnd?: () => void;
  /** Called when the application is ready and has not begun. */
  readonly onReady?: (application: FixtureProcess) => Promise<unknown>;
}

/** Whatever happens to an operation, a database or a backup is all of one of these. */
export const legalOf = (scenario: Scenario) => ({
  live: [oldContent(scenario), states.new],
  stored: [oldContent(scenario), states.old, states.new, states.foreign],
});

/** No operation on these few pages takes so long, traced or not. */
const stuckAfterMs = 30_000;

/** Runs the operation once in an application of its own, then checks all invariants and that a success is one. */
export async function runScenario(
  scenario: Scenario,
  app: Prepared,
  told: string,
  options: RunOptions = {},
): Promise<Ended> {
  const outside = contentOutside(app);
  const running = await startScenario(scenario, app, options);
  const outcome = await runToTheEnd(running);
  options.onEnd?.();
  const everything = `${told}: ${JSON.stringify(outcome)}`;
  await expectInvariants(app, { ...legalOf(scenario), acknowledged: running.acknowledged, outside }, everything);
  const content = liveContent(app);
  if (outcome.type === 'done') expect(scenario.isDone(app, outcome.value, content), everything).toBe(true);
  if (outcome.code === 'insufficient_storage') expect(content, everything).toBe(oldContent(scenario));
  await scenario.afterwards?.(app, everything);
  return { ...outcome, live: content, phases: running.phases };
}

export interface Running {
  readonly application: FixtureProcess;
  /** Keys whose commit the application was told of until now. */
  readonly acknowledged: readonly string[];
  /** The phases of the operation until now. */
  readonly phases: readonly string[];
  readonly outcome: Promise<Outcome>;
}

/** Starts an application for the scenario and has it begin. */
export async function startScenario(
  scenario: Scenario,
  app: Prepared,
  { nodeForChildren = process.execPath, fill, onReady }: RunOptions = {},
): Promise<Running> {
  const { retention = keepAll, destroyed = false } = scenario;
  const serviceOptions = JSON.stringify({ retention, connection: destroyed ? {} : null });
  const parameters = [app.folder, serviceOptions, nodeForChildren, JSON.stringify(fill ?? null)];
  const env = { ...process.env, UV_THREADPOOL_SIZE: '1', TMPDIR: `${app.folder}/tmp` };
  const application = await startFixtureIn(env, 'operate', ...parameters);
  await onReady?.(application);
  application.send({ type: 'call', verb: scenario.verb, parameters: scenario.parameters?.(app) ?? [] });
  const told = { acknowledged: [...app.acknowledged], phases: [] };
  return { application, ...told, outcome: listen(application, told) };
}

async function listen(
  application: FixtureProcess,
  told: { readonly acknowledged: string[]; readonly phases: string[] },
): Promise<Outcome> {
  for (;;) {
    const message = await application.next('phase', 'acknowledged', 'done', 'failed').catch(() => null);
    if (message === null) return { type: 'killed' };
    if (message.type === 'phase') told.phases.push(String(message.phase));
    else if (message.type === 'acknowledged') told.acknowledged.push(String(message.key));
    else return message as unknown as Outcome;
  }
}

async function runToTheEnd({ application, outcome }: Running): Promise<Outcome> {
  let stuck = false;
  const limit = setTimeout(() => {
    stuck = true;
    void application.kill();
  }, stuckAfterMs);
  const told = await outcome;
  await application.ended;
  clearTimeout(limit);
  return stuck ? { type: 'stuck' } : told;
}
