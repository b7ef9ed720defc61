import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from './temporary-folder.js';

export interface Opening {
  readonly path: string;
  /** As strace shows them, e.g. `O_RDWR|O_CLOEXEC`. */
  readonly flags: string;
}

/**
 * Runs a script of `test/fixtures` to its end and tells what its process opened, with all of its threads. Processes
 * that it starts are left out.
 */
export function traceOpenings(name: string, ...parameters: string[]): Opening[] {
  const output = join(temporaryFolder(), 'trace');
  const script = fileURLToPath(new URL(`../fixtures/${name}.mjs`, import.meta.url));
  const calls = 'trace=open,openat,openat2,clone,clone3,fork,vfork';
  const options = ['-f', '--seccomp-bpf', '-e', calls, '-e', 'signal=none', '-s', '4096', '-o', output];
  const run = spawnSync('strace', [...options, process.execPath, script, ...parameters], { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`The traced process failed: ${run.stderr}`);
  return openingsOfFirstProcess(readFileSync(output, 'utf8').split('\n'));
}

/** The first line is of the process that was started; a thread of it is what one of its threads cloned as a thread. */
function openingsOfFirstProcess(lines: readonly string[]): Opening[] {
  const calls = joined(lines);
  const threads = new Set([calls[0]?.thread]);
  for (const { thread, text } of calls) {
    const [, cloned] = /CLONE_THREAD.* = (\d+)$/.exec(text) ?? [];
    if (threads.has(thread) && cloned !== undefined) threads.add(cloned);
  }
  return calls
    .filter(({ thread }) => threads.has(thread))
    .flatMap(({ text }) => {
      const [, path, flags] = /^open(?:at|at2)?\((?:[^"]*, )?"([^"]*)", (?:\{flags=)?([A-Z_|]+)/.exec(text) ?? [];
      return path === undefined || flags === undefined ? [] : { path, flags };
    });
}

/** Where two threads are in a call at once, strace begins a line and resumes it later; a clone counts when it returned. */
function joined(lines: readonly string[]): { thread: string; text: string }[] {
  const begun = new Map<string, string>();
  return lines.flatMap((line) => {
    const [, thread, text] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    if (thread === undefined || text === undefined) return [];
    if (text.endsWith(' <unfinished ...>')) {
      begun.set(thread, text.slice(0, -' <unfinished ...>'.length));
      return [];
    }
    return [{ thread, text: text.replace(/^<\.\.\. \w+ resumed>/, () => begun.get(thread) ?? '') }];
  });
}
