import type { BackupKind } from '../options/backup-kind.js';
import type { StoredFile } from '../storage/storage.js';
import type { Manifest, Verification } from './manifest.js';

/**
 * A published file with what its manifest says of it. Sizes in bytes, durations in milliseconds, instants ISO-8601 UTC.
 * A stray file, one without a manifest, has `manifest: false` and `null` where only a manifest could tell.
 */
export interface Backup {
  readonly filename: string;
  readonly engine: string | null;
  readonly kind: BackupKind | null;
  readonly status: 'completed' | 'unknown';
  readonly createdAt: string;
  readonly createdBy: string | null;
  readonly notes: string | null;
  readonly pinned: boolean;
  readonly size: number;
  readonly sha256: string | null;
  /** Rows by table. */
  readonly tables: Readonly<Record<string, number>>;
  readonly encoding: readonly string[];
  readonly verification: Verification | null;
  readonly copies: readonly unknown[];
  readonly warnings: readonly string[];
  readonly manifest: boolean;
  readonly durationMs: number | null;
}

export function toBackup(manifest: Manifest): Backup {
  const { version: _version, source: _source, ...told } = manifest;
  return {
    filename: told.filename,
    engine: told.engine,
    kind: told.kind,
    status: told.status,
    createdAt: told.createdAt,
    createdBy: told.createdBy,
    notes: told.notes,
    pinned: told.pinned,
    size: told.size,
    sha256: told.sha256,
    tables: told.tables,
    encoding: told.encoding,
    verification: told.verification,
    copies: told.copies,
    warnings: told.warnings,
    manifest: true,
    durationMs: told.durationMs,
  };
}

export function strayBackup(file: StoredFile): Backup {
  return {
    filename: file.name,
    engine: null,
    kind: null,
    status: 'unknown',
    createdAt: file.modifiedAt.toISOString(),
    createdBy: null,
    notes: null,
    pinned: false,
    size: file.size,
    sha256: null,
    tables: {},
    encoding: [],
    verification: null,
    copies: [],
    warnings: ['This file has no manifest of its own: nothing says what it should contain.'],
    manifest: false,
    durationMs: null,
  };
}

const stamp = /\d\d-\d\d-\d\d(?:_(\d+))?\.[a-z.]+$/;
const attempt = (filename: string): number => Number(stamp.exec(filename)?.[1] ?? 1);

/** Newest first; of two from the same millisecond the one with the higher number. */
export function byNewest(a: Backup, b: Backup): number {
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt ? 1 : -1;
  return attempt(b.filename) - attempt(a.filename) || (a.filename < b.filename ? 1 : -1);
}
