import { createRequire } from 'node:module';
import type BetterSqlite3 from 'better-sqlite3';
import { BackupError, systemCode } from '../errors.js';

export type Database = BetterSqlite3.Database;
export type DatabaseConstructor = typeof BetterSqlite3;

const require = createRequire(import.meta.url);

/**
 * Loads the application's own copy of better-sqlite3, at first use and not before.
 *
 * better-sqlite3 13 is built for Node-API 10 and crashes the whole process when an older Node loads it,
 * so its version is read and refused first.
 * @throws BackupError `tool_missing`
 */
export function loadBetterSqlite3(): DatabaseConstructor {
  try {
    const { version } = require('better-sqlite3/package.json') as { version: string };
    refuseCrashingVersion(version, process.versions.napi);
    return require('better-sqlite3') as DatabaseConstructor;
  } catch (error) {
    if (error instanceof BackupError) throw error;
    const detail =
      systemCode(error) === 'MODULE_NOT_FOUND'
        ? 'better-sqlite3 is not installed: npm install better-sqlite3@12'
        : 'better-sqlite3 cannot be loaded: npm rebuild better-sqlite3';
    throw new BackupError('tool_missing', detail, { cause: error });
  }
}

export function refuseCrashingVersion(version: string, nodeApi: string | undefined): void {
  const major = Number.parseInt(version, 10);
  if (major >= 13 && Number(nodeApi ?? 0) < 10) {
    throw new BackupError(
      'tool_missing',
      `better-sqlite3 ${version} needs Node >= 22.14 (Node-API 10, this Node has ${nodeApi ?? 'none'}): npm install better-sqlite3@12`,
    );
  }
}
