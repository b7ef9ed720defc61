import { readdirSync, readFileSync } from 'node:fs';

/** Backup processes that a process has at this moment. */
export function backupProcessesOf(pid: number): number[] {
  return childrenOf(pid).filter((child) => commandOf(child).includes('child/main.js'));
}

/** Process ids of the children of a process at this moment (Linux). */
export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((candidate) => parentOf(candidate) === pid);
}

/** Whether the process runs; one that only waits to be reaped does not. */
export function isRunning(pid: number): boolean {
  return !['', 'Z', 'X'].includes(fieldsOf(pid)[0] ?? '');
}

export const environmentOf = (pid: number): string[] => readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
const parentOf = (pid: number): number => Number(fieldsOf(pid)[1]);
const commandOf = (pid: number): string => read(`/proc/${pid}/cmdline`);
/** State, parent and so on: what follows the name of the command, which may hold spaces and brackets. */
const fieldsOf = (pid: number): string[] =>
  read(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, '')
    .split(' ');

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
