import { z } from 'zod';
import type { Operation } from '../../coordination/operation.js';
import type { Backup } from '../../vault/backup.js';

export interface BackupNews {
  readonly type: 'created' | 'verified' | 'damaged' | 'removed';
  readonly filename: string;
}

const verdictSchema = z.object({ filename: z.string(), ok: z.boolean() });

/** What a finished operation says of a backup: the verdict, if it was a verification. */
export function verdictOf({ type, state, result }: Operation): BackupNews | null {
  const verdict = type === 'verify' && state === 'succeeded' ? verdictSchema.safeParse(result) : null;
  if (verdict?.success !== true) return null;
  return { type: verdict.data.ok ? 'verified' : 'damaged', filename: verdict.data.filename };
}

/**
 * Tells what was created and removed since the last look. The vault itself is compared, and not what operations say of
 * it: a create also removes, a restore that fails may have left its safety backup, and a process may die in between.
 */
export function compareBackups(list: () => Promise<readonly Backup[]>): () => Promise<BackupNews[]> {
  let known: ReadonlySet<string> | undefined;
  return async function look() {
    const before = known;
    const names = new Set((await list()).filter(({ manifest }) => manifest).map(({ filename }) => filename));
    known = names;
    if (before === undefined) return [];
    const created = [...names].filter((filename) => !before.has(filename));
    const removed = [...before].filter((filename) => !names.has(filename));
    return [
      ...created.map((filename) => ({ type: 'created' as const, filename })),
      ...removed.map((filename) => ({ type: 'removed' as const, filename })),
    ];
  };
}
