import type { Snapshot } from '../../engines/database-content.js';
import type { BackupKind, VerificationLevel } from '../../options/backup-kind.js';
import type { ManifestDraft } from '../../vault/manifest.js';
import type { OperationParts } from '../operation-parts.js';

export interface DraftInput {
  readonly snapshot: Snapshot;
  readonly kind: BackupKind;
  readonly level: VerificationLevel | 'none';
  readonly createdAt: string;
  readonly createdBy: string;
  readonly notes: string | null;
  readonly warnings: readonly string[];
  readonly durationMs: number;
}

/** The engine and the name of the database that a snapshot is of. */
export interface DraftSource {
  readonly name: string;
  readonly sourceName: string;
}

/** What the manifest of a snapshot says, before the vault gives it a name. */
export function draftManifest(
  { engine, clock }: Pick<OperationParts, 'clock'> & { readonly engine: DraftSource },
  { snapshot, level, warnings, ...told }: DraftInput,
): ManifestDraft {
  const { verification } = snapshot;
  const verified = level !== 'none';
  return {
    ...told,
    engine: engine.name,
    pinned: false,
    size: snapshot.size,
    sha256: snapshot.sha256,
    source: { name: engine.sourceName, ...snapshot.source },
    tables: { ...snapshot.tables },
    encoding: [],
    verification: {
      level,
      ok: verified ? verification.ok : null,
      at: verified ? clock().toISOString() : null,
      problems: [...verification.problems],
      durationMs: snapshot.verificationMs,
    },
    copies: [],
    warnings: [...warnings, ...verification.warnings],
  };
}
