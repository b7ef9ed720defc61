import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createVaultLock } from '../../dist/coordination/vault-lock.js';
import { localStorage } from '../../dist/storage/local-storage.js';
import type { ManifestDraft } from '../../dist/vault/manifest.js';
import { Vault } from '../../dist/vault/vault.js';
import { temporaryFolder } from './temporary-folder.js';

export interface VaultParts {
  readonly vault: Vault;
  readonly directory: string;
  readonly staging: string;
  /** Makes a staged file with this content. */
  stage(content: string): string;
}

export function createVaultParts(): VaultParts {
  const directory = temporaryFolder();
  const staging = join(directory, '.state', 'staging');
  mkdirSync(staging, { recursive: true });
  const exclusively = createVaultLock(join(directory, '.state'));
  const vault = new Vault({
    storage: localStorage(directory),
    naming: { prefix: 'app', extension: 'db' },
    exclusively,
  });
  let count = 0;
  const stage = (content: string): string => {
    const file = join(staging, `staged-${count++}`);
    writeFileSync(file, content, { mode: 0o600 });
    return file;
  };
  return { vault, directory, staging, stage };
}

export function draft(change: Partial<ManifestDraft> = {}): ManifestDraft {
  const source = {
    name: 'app.db',
    size: 4096,
    pageSize: 4096,
    pageCount: 1,
    userVersion: 0,
    applicationId: 0,
    schemaSha256: 'x',
    engineVersion: '3',
  };
  const verification = {
    level: 'quick' as const,
    ok: true,
    at: '2026-01-08T21:00:01.000Z',
    problems: [],
    durationMs: 1,
  };
  const content = {
    size: 7,
    sha256: 'a'.repeat(64),
    source,
    tables: { items: 1 },
    encoding: [],
    copies: [],
    warnings: [],
  };
  const told = {
    engine: 'sqlite',
    kind: 'manual' as const,
    createdAt: '2026-01-08T21:00:00.000Z',
    createdBy: 'tester',
    notes: null,
    pinned: false,
    durationMs: 1,
  };
  return { ...told, ...content, verification, ...change };
}
