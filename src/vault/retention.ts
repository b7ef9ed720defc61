import type { RetentionPolicy } from '../options/service-options.js';
import { type Backup, byNewest } from './backup.js';

export interface RetentionDecision {
  readonly filename: string;
  readonly reason: string;
}

export interface RetentionPlan {
  readonly remove: readonly RetentionDecision[];
  readonly keep: readonly RetentionDecision[];
}

/**
 * Decides which backups go, with one reason for each; does nothing. Each kind has its own count. Never removed: a
 * pinned one, a stray file, one that is being read, and the newest one of its kind that passed verification.
 */
export function planRetention(
  backups: readonly Backup[],
  policy: RetentionPolicy,
  isHeld: (filename: string) => boolean,
): RetentionPlan {
  const remove: RetentionDecision[] = [];
  const keep: RetentionDecision[] = [];
  const seen = new Map<string, { count: number; verified: boolean }>();
  for (const backup of [...backups].sort(byNewest)) {
    const { filename, kind } = backup;
    if (kind === null) {
      keep.push({
        filename,
        reason: 'stray file: it has no manifest, and retention removes only what this package made',
      });
      continue;
    }
    const state = seen.get(kind) ?? { count: 0, verified: false };
    const verified = backup.verification?.ok === true;
    const limit = policy[kind]?.keep ?? policy.keep;
    const reason = reasonToKeep(backup, {
      rank: state.count + 1,
      limit,
      newestVerified: verified && !state.verified,
      held: isHeld(filename),
    });
    seen.set(kind, { count: state.count + 1, verified: state.verified || verified });
    if (reason === null) remove.push({ filename, reason: `older than the newest ${limit} of kind ${kind}` });
    else keep.push({ filename, reason });
  }
  return { remove, keep };
}

interface Standing {
  readonly rank: number;
  readonly limit: number;
  readonly newestVerified: boolean;
  readonly held: boolean;
}

function reasonToKeep({ kind, pinned }: Backup, { rank, limit, newestVerified, held }: Standing): string | null {
  if (rank <= limit) return `one of the newest ${limit} of kind ${kind}`;
  if (pinned) return 'pinned';
  if (newestVerified) return `the newest verified backup of kind ${kind}`;
  return held ? 'being read' : null;
}
