import type { StoredFile } from './database-content.js';

export interface CompareInput {
  /** Null for the live database. */
  readonly from: StoredFile | null;
  readonly to: StoredFile | null;
}

/** Something in the schema that one side has and the other has not, or has otherwise. */
export interface SchemaChange {
  readonly type: 'table' | 'column' | 'index' | 'trigger' | 'view';
  readonly name: string;
  /** The table it belongs to. */
  readonly table: string;
  readonly change: 'added' | 'removed' | 'changed';
  /** Its SQL, or of a column its type and constraints; null where it is not there. */
  readonly from: string | null;
  readonly to: string | null;
}

/** Rows by primary key, or by rowid where a table has none; `null` where the table does not exist. */
export interface TableChange {
  readonly name: string;
  readonly rowsFrom: number | null;
  readonly rowsTo: number | null;
  /** In `to` and not in `from`. */
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
}

export interface Comparison {
  readonly schema: readonly SchemaChange[];
  readonly tables: readonly TableChange[];
}
