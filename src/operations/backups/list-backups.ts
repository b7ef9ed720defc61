import { z } from 'zod';
import { backupKinds } from '../../options/backup-kind.js';
import { parseInput } from '../../options/parse-input.js';
import type { Backup } from '../../vault/backup.js';
import type { BackupList, BackupStats, ListInput } from '../backup-service.js';
import type { OperationParts } from '../operation-parts.js';
import { readSchedule } from '../status/schedule-history.js';

const listSchema = z.strictObject({
  limit: z.int().min(1).max(500).default(50),
  offset: z.int().min(0).default(0),
  kind: z.enum(backupKinds).optional(),
  order: z.enum(['asc', 'desc']).default('desc'),
});

/** @throws BackupError `invalid_request` */
export async function listBackups({ vault }: OperationParts, input: ListInput): Promise<BackupList> {
  const { limit, offset, kind, order } = parseInput(listSchema, input);
  const matching = (await vault.list()).filter((backup) => kind === undefined || backup.kind === kind);
  if (order === 'asc') matching.reverse();
  return { backups: matching.slice(offset, offset + limit), total: matching.length };
}

export async function readStats(parts: OperationParts): Promise<BackupStats> {
  const { vault, options } = parts;
  const backups = await vault.list();
  const verifiedAt = backups.flatMap(({ verification }) =>
    verification?.ok === true && verification.at !== null ? [verification.at] : [],
  );
  return {
    totalBackups: backups.length,
    totalSize: backups.reduce((sum, { size }) => sum + size, 0),
    byKind: countByKind(backups),
    newest: backups[0] ?? null,
    oldest: backups.at(-1) ?? null,
    lastVerifiedAt: verifiedAt.sort().at(-1) ?? null,
    retention: options.retention,
    schedule: await readSchedule(parts),
    freeBytes: await vault.freeBytes(),
    directory: null,
  };
}

function countByKind(backups: readonly Backup[]): BackupStats['byKind'] {
  const counts = new Map<string, { count: number; size: number }>();
  for (const { kind, size } of backups) {
    const name = kind ?? 'stray';
    const known = counts.get(name) ?? { count: 0, size: 0 };
    counts.set(name, { count: known.count + 1, size: known.size + size });
  }
  return Object.fromEntries(counts);
}
