import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import { type BackupService, type BackupServiceOptions, createBackupService } from 'express-db-backup';
import { expect, onTestFinished } from 'vitest';
import { type LiveOptions, openDatabase } from './live-database.js';
import { temporaryFolder } from './temporary-folder.js';

export interface Workspace {
  readonly folder: string;
  readonly databaseFile: string;
  readonly directory: string;
  /** The host's own connection, open for as long as the test runs. */
  readonly database: Database.Database;
  readonly service: BackupService;
  /** Faults that no caller was told the cause of; a test that expects one empties it. */
  readonly internalErrors: unknown[];
}

export interface WorkspaceOptions {
  readonly live?: LiveOptions;
  readonly service?: Partial<BackupServiceOptions>;
}

/** A live database in use, and a service for it; both closed when the test ends, which fails on an internal error. */
export function createWorkspace({ live, service: options }: WorkspaceOptions = {}): Workspace {
  const folder = temporaryFolder();
  const databaseFile = join(folder, 'app.db');
  const directory = join(folder, 'backups');
  const database = openDatabase(databaseFile, live);
  const { service, internalErrors } = openService({ database: databaseFile, directory, ...options });
  return { folder, databaseFile, directory, database, service, internalErrors };
}

export function openService(options: BackupServiceOptions): { service: BackupService; internalErrors: unknown[] } {
  const service = createBackupService(options);
  const internalErrors: unknown[] = [];
  service.on('internal.error', ({ error }) => internalErrors.push(error));
  onTestFinished(async () => {
    await service.close();
    expect(internalErrors).toEqual([]);
  });
  return { service, internalErrors };
}

/** Names of the backups in a vault, as they lie on the disk; none where the vault was never made. */
export function storedBackups(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => name.endsWith('.db'))
    .sort();
}

/** Files anywhere under the staging directory: none when nothing runs. */
export function stagedFiles(directory: string): string[] {
  const staging = join(directory, '.state', 'staging');
  if (!existsSync(staging)) return [];
  return readdirSync(staging, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);
}
