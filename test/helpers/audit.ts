import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditEntry } from 'express-db-backup';
import { expect } from 'vitest';
import { type AuditTrail, createAuditTrail } from '../../dist/audit/audit-trail.js';
import { createVaultLock } from '../../dist/coordination/vault-lock.js';
import { contentBelow } from './file-tree.js';
import { temporaryFolder } from './temporary-folder.js';

/** What lies in a vault for the audit. */
const isAuditFile = (path: string): boolean =>
  /(^|\/)audit(\.\d+)?\.jsonl$|(^|\/)audit-(head\.json|head\.next|next\.jsonl|next\.tmp)$|(^|\/)audit\.lock/.test(path);

/** Everything but the audit: a refused request changes nothing else, and that a little later. */
export const contentButAudit = (folder: string): Record<string, string> =>
  contentBelow(folder, (path) => !isAuditFile(path));

/** Paths of the files, the oldest first. */
export function auditFiles(directory: string): string[] {
  const age = (name: string): number => Number(/^audit\.(\d+)\.jsonl$/.exec(name)?.[1] ?? 0);
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => /^audit(\.\d+)?\.jsonl$/.test(name))
    .sort((a, b) => age(b) - age(a))
    .map((name) => join(directory, name));
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/**
 * Every entry, the oldest first, after it was found that each line ends, is JSON, and has the number and the hash that
 * follow from the one before: the package is not asked.
 */
export function auditEntries(directory: string, told = directory): AuditEntry[] {
  const lines = auditFiles(directory).flatMap((file) => {
    const text = readFileSync(file, 'utf8');
    expect(text.endsWith('\n') || text === '', `${told}: ${file}`).toBe(true);
    return text.split('\n').slice(0, -1);
  });
  const entries = lines.map((line) => JSON.parse(line) as AuditEntry);
  for (const [index, entry] of entries.entries()) {
    if (index === 0) continue;
    expect(entry.previous, `${told}: line ${index + 1}`).toBe(sha256(lines[index - 1] ?? ''));
    expect(entry.number, `${told}: line ${index + 1}`).toBe((entries[index - 1]?.number ?? 0) + 1);
  }
  if (entries[0]?.number === 1) expect(entries[0].previous, told).toBe('0'.repeat(64));
  return entries;
}

export interface TrailBench {
  readonly directory: string;
  readonly stateDirectory: string;
  readonly trail: AuditTrail;
  readonly written: AuditEntry[];
  readonly faults: unknown[];
  /** Another one on the same files, as another process would have it. */
  another(options?: TrailOptions): AuditTrail;
}

interface TrailOptions {
  readonly maxBytes?: number;
  readonly maxFiles?: number;
}

export function trailIn(directory: string, options: TrailOptions = {}): Omit<TrailBench, 'another'> {
  const stateDirectory = join(directory, '.state');
  mkdirSync(stateDirectory, { recursive: true });
  const written: AuditEntry[] = [];
  const faults: unknown[] = [];
  const trail = createAuditTrail({
    directory,
    stateDirectory,
    clock: () => new Date(),
    exclusively: createVaultLock(stateDirectory, 'audit'),
    maxBytes: 1024 ** 2,
    maxFiles: 3,
    onWritten: (entry) => written.push(entry),
    onFault: (fault) => faults.push(fault),
    ...options,
  });
  return { directory, stateDirectory, trail, written, faults };
}

export function createTrail(options: TrailOptions = {}): TrailBench {
  const directory = temporaryFolder();
  return { ...trailIn(directory, options), another: (others) => trailIn(directory, others ?? options).trail };
}

export const draft = (change: Partial<AuditEntry> = {}): Omit<AuditEntry, 'number' | 'previous'> => ({
  at: '2026-01-08T21:00:00.000Z',
  operation: null,
  action: 'create',
  by: 'tester',
  from: '127.0.0.1',
  file: null,
  outcome: 'succeeded',
  code: null,
  durationMs: 1,
  count: 1,
  ...change,
});

/** Appends so many entries, which the trail takes in a few at a time; `by` numbers them from 1. */
export async function appendMany(trail: AuditTrail, count: number, from = 1): Promise<void> {
  const numbers = Array.from({ length: count }, (_, index) => from + index);
  await Promise.all(numbers.map((number) => trail.append(draft({ by: `entry ${number}` }))));
}
