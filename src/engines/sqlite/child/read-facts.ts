import { createHash } from 'node:crypto';
import type { Database } from '../../../system/load-better-sqlite3.js';
import type { DatabaseFacts, TableRows } from '../../engine.js';

const sha256 = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex');
const number = (database: Database, pragma: string): number => Number(database.pragma(pragma, { simple: true }));

export function readFacts(database: Database): DatabaseFacts {
  const pageSize = number(database, 'page_size');
  const pageCount = number(database, 'page_count');
  const version = database.prepare('SELECT sqlite_version() AS version').get() as { version: string };
  return {
    size: pageSize * pageCount,
    pageSize,
    pageCount,
    userVersion: number(database, 'user_version'),
    applicationId: number(database, 'application_id'),
    schemaSha256: schemaDigest(database),
    engineVersion: version.version,
  };
}

/** Objects that SQLite makes for itself (statistics, automatic indexes) come and go and are left out. */
const ownObjects = String.raw`name NOT LIKE 'sqlite\_%' ESCAPE '\'`;

/** SHA-256 (hex) over every object's type, name, table and SQL, in a fixed order. */
export function schemaDigest(database: Database): string {
  return sha256(
    database
      .prepare(`SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE ${ownObjects} ORDER BY type, name, tbl_name`)
      .raw()
      .all(),
  );
}

/** Triggers and views run SQL of whoever wrote them; their names with the digest of their SQL. */
export function readObjects(database: Database): Record<string, string> {
  const rows = database
    .prepare(`SELECT type, name, tbl_name AS "table", sql FROM sqlite_schema WHERE type IN ('trigger', 'view')`)
    .all() as { type: string; name: string; table: string; sql: string }[];
  return Object.fromEntries(rows.map((row) => [`${row.type} ${row.name}`, sha256([row.table, row.sql])]));
}

/** Rows of each ordinary table. Virtual tables and their shadows are left to the module that owns them. */
export function countRows(database: Database): TableRows {
  const tables = database
    .prepare(
      `SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND ${ownObjects} ORDER BY name`,
    )
    .pluck()
    .all() as string[];
  // fromEntries defines own properties: a table named __proto__ stays data.
  return Object.fromEntries(
    tables.map((name) => [
      name,
      Number(
        database
          .prepare(`SELECT count(*) FROM main."${name.replaceAll('"', '""')}"`)
          .pluck()
          .get(),
      ),
    ]),
  );
}
