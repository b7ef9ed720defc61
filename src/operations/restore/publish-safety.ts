import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { createJournal } from '../../coordination/journal.js';
import type { Snapshot } from '../../engines/database-content.js';
import { localStorage } from '../../storage/local-storage.js';
import { syncDirectory } from '../../system/durable-write.js';
import type { Backup } from '../../vault/backup.js';
import { Vault, type VaultParts } from '../../vault/vault.js';
import { type DraftSource, draftManifest } from '../content/draft-manifest.js';

/** Where a vault lies and how its backups are named: all that another process needs to publish into it. */
export interface VaultPlace {
  readonly directory: string;
  readonly stateDirectory: string;
  readonly naming: VaultParts['naming'];
}

export interface PublishSafetyInput {
  readonly place: VaultPlace;
  readonly engine: DraftSource;
  readonly file: string;
  readonly staging: string;
  readonly createdBy: string;
  readonly notes: string;
}

/**
 * Publishes the safety backup of a restore and names it in the journal. Runs in the process that holds the write lock of the live database, and
 * without the vault's lock, whose holder may be the very host whose write waits for the restore. Nothing is
 * overwritten; removals are kept out by the operation's lock, and sweeping by the restore's record.
 */
export async function publishSafety(input: PublishSafetyInput, snapshot: Snapshot): Promise<Backup> {
  const { place, engine, file, staging, createdBy, notes } = input;
  const clock = (): Date => new Date();
  const damaged = snapshot.verification.ok
    ? []
    : ['The live database was damaged when it was replaced; this is its copy as it was.'];
  const draft = draftManifest(
    { engine, clock },
    {
      snapshot,
      kind: 'safety',
      level: 'quick',
      createdAt: clock().toISOString(),
      createdBy,
      notes,
      warnings: damaged,
      durationMs: snapshot.verificationMs,
    },
  );
  const storage = localStorage(place.directory);
  const vault = new Vault({ storage, naming: place.naming, exclusively: (change) => change() });
  const backup = await vault.publish(file, draft, staging);
  await publishLogs(place.directory, backup.filename, file, snapshot.source.logs ?? []);
  await createJournal(place.stateDirectory).secured(backup.filename, staging);
  return backup;
}

/** The logs of a raw copy lie beside it, where whoever opens it with SQLite needs them; nothing is replaced before they do. */
async function publishLogs(
  directory: string,
  filename: string,
  file: string,
  endings: readonly string[],
): Promise<void> {
  if (endings.length === 0) return;
  for (const ending of endings) await rename(file + ending, join(directory, filename + ending));
  await syncDirectory(directory);
}
