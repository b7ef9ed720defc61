import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export interface Message {
  readonly type: string;
  readonly [fact: string]: unknown;
}

/** A script of `test/fixtures` that runs as a process of its own and talks in messages with a `type`. */
export interface FixtureProcess {
  readonly pid: number;
  send(message: Message): void;
  /** The next message of one of these types, whether it came already or not; rejects when the process ends first. */
  next(...types: string[]): Promise<Message>;
  /** SIGKILL, and waits until the process is gone. */
  kill(): Promise<void>;
  /** Resolves when the process is gone, by whatever cause, to the signal that ended it. */
  readonly ended: Promise<NodeJS.Signals | null>;
}

/** Runs until the test ends, unless it ends by itself. */
export function startFixture(name: string, ...parameters: string[]): Promise<FixtureProcess> {
  return startFixtureIn(process.env, name, ...parameters);
}

/** The same with an environment of its own. */
export async function startFixtureIn(
  env: NodeJS.ProcessEnv,
  name: string,
  ...parameters: string[]
): Promise<FixtureProcess> {
  const child = fork(fileURLToPath(new URL(`../fixtures/${name}.mjs`, import.meta.url)), parameters, {
    execArgv: [],
    env,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const talking = new Talk(child);
  onTestFinished(() => talking.kill());
  await talking.next('ready');
  return talking;
}

class Talk implements FixtureProcess {
  readonly #child: ChildProcess;
  readonly ended: Promise<NodeJS.Signals | null>;
  readonly #unread: Message[] = [];
  #arrived: () => void = () => undefined;
  #ended = false;
  #stderr = '';

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString('utf8');
    });
    child.on('message', (message: Message) => {
      this.#unread.push(message);
      this.#arrived();
    });
    this.ended = new Promise((resolve) =>
      child.once('close', (_code: number | null, signal: NodeJS.Signals | null) => {
        this.#ended = true;
        this.#arrived();
        resolve(signal);
      }),
    );
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  send(message: Message): void {
    this.#child.send(message, () => undefined);
  }

  async next(...types: string[]): Promise<Message> {
    for (;;) {
      const found = this.#unread.findIndex((message) => types.includes(message.type));
      if (found >= 0) return this.#unread.splice(0, found + 1).at(-1) as Message;
      if (this.#ended) throw new Error(`The process ended before it said ${types.join(' or ')}: ${this.#stderr}`);
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }
}
