import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A system call of a traced process; `ordinal` counts those of the same name in the same thread, from 1, as strace does. */
export interface Call {
  readonly name: string;
  readonly ordinal: number;
  /** The line of the log, with the paths of descriptors. */
  readonly text: string;
}

/** What happens to the process that enters a call: `signal=SIGKILL`, `error=ENOSPC`. */
export interface Injection {
  readonly call: Pick<Call, 'name' | 'ordinal'>;
  readonly effect: string;
}

/** System calls that change a file or a directory, or bring the change to the disk. */
export const changingCalls = [
  ...['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2', 'copy_file_range', 'sendfile'],
  ...['fsync', 'fdatasync', 'sync_file_range', 'ftruncate', 'truncate', 'fallocate'],
  ...[
    'unlink',
    'unlinkat',
    'rmdir',
    'rename',
    'renameat',
    'renameat2',
    'link',
    'linkat',
    'symlink',
    'mkdir',
    'mkdirat',
  ],
] as const;

const wroteToLog = /^\d+\s+([a-z0-9_]+)\(/;

/**
 * Whether this process may trace others: some containers and kernels refuse it. What needs it is then reported as
 * skipped, test by test, so that a run tells what it did not try.
 */
export function canTrace(): boolean {
  return spawnSync('strace', ['-f', '-qq', '-o', '/dev/null', 'true']).status === 0;
}

/** The calls of a log in their order; a call that was interrupted counts once. */
export function readCalls(log: string): Call[] {
  if (!existsSync(log)) return [];
  const counts = new Map<string, number>();
  return readFileSync(log, 'utf8')
    .split('\n')
    .flatMap((text) => {
      const name = wroteToLog.exec(text)?.[1];
      if (name === undefined) return [];
      const key = `${text.slice(0, text.indexOf(' '))} ${name}`;
      const ordinal = (counts.get(key) ?? 0) + 1;
      counts.set(key, ordinal);
      return [{ name, ordinal, text }];
    });
}

/** `-y` tells the path of a descriptor, `-s 0` leaves out what is written, which might look like one. */
function tracing(log: string, calls: readonly string[], injection: Injection | undefined): string[] {
  // A name that this architecture does not have is passed over.
  const set = injection === undefined ? calls.map((name) => `?${name}`).join(',') : injection.call.name;
  const inject =
    injection === undefined ? [] : ['-e', `inject=${set}:${injection.effect}:when=${injection.call.ordinal}`];
  return ['-f', '-y', '-s', '0', '-o', log, '-e', `trace=${set}`, ...inject];
}

export interface TraceOptions {
  readonly log: string;
  readonly calls: readonly string[];
  readonly injection?: Injection | undefined;
}

/**
 * Traces all threads of a process that runs already, but not the processes that it starts.
 * @returns strace itself, which ends with the process
 */
export async function traceHost(pid: number, { log, calls, injection }: TraceOptions): Promise<ChildProcess> {
  const parameters = [...tracing(log, calls, injection), '-b', 'execve', '-p', String(pid)];
  const strace = spawn('strace', parameters, { stdio: ['ignore', 'ignore', 'pipe'] });
  const [said] = (await once(strace.stderr, 'data')) as [Buffer];
  if (!said.includes('attached')) throw new Error(`strace could not attach: ${said.toString()}`);
  return strace;
}

/** The logs of the processes that were started through the script of `traceChildren`, in the order of their start. */
export function childLogs(directory: string): string[] {
  const number = (name: string): number => Number(/^child-(\d+)/.exec(name)?.[1]);
  return readdirSync(directory)
    .filter((name) => /^child-\d+\.log$/.test(name))
    .sort((a, b) => number(a) - number(b))
    .map((name) => join(directory, name));
}

/**
 * Makes a script to be used in the place of node: it traces the process that it starts, or of several only the one with
 * the number `only`, and those that this one starts. One thread does the work on files, so that calls come in one order.
 * Not with `--seccomp-bpf`: strace 6.1 then counts injected signals wrongly.
 */
export function traceChildren(
  directory: string,
  { calls, injection, only }: Omit<TraceOptions, 'log'> & { readonly only?: number },
): string {
  const script = join(directory, 'node.sh');
  const parameters = tracing('"$place.log"', calls, injection).join(' ');
  const traced = `exec strace -qq ${parameters} '${process.execPath}' "$@"`;
  const untraced = `exec '${process.execPath}' "$@"`;
  const lines = [
    '#!/bin/sh',
    'export UV_THREADPOOL_SIZE=1',
    'number=1',
    `while ! mkdir "${directory}/child-$number" 2>/dev/null; do number=$((number + 1)); done`,
    `place="${directory}/child-$number"`,
    only === undefined ? traced : `if [ $number = ${only} ]; then ${traced}; else ${untraced}; fi`,
  ];
  writeFileSync(script, `${lines.join('\n')}\n`, { mode: 0o700 });
  return script;
}
