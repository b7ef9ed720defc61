import type { DatabaseFacts, SchemaObjects, TableRows } from './database-content.js';

export interface LiveFacts extends DatabaseFacts {
  /** `UTF-8`, `UTF-16le` or `UTF-16be`. */
  readonly textEncoding: string;
  readonly objects: SchemaObjects;
  /** Whether it has no table, as after a start that found no file. */
  readonly isEmpty: boolean;
  /** Rises with a restore, and otherwise only when the application changes the schema. */
  readonly schemaCookie: number;
}

export interface ExamineInput {
  /** Whether the rows of all tables are counted, which takes as long as reading them. */
  readonly count: boolean;
  /** Rows that tables must have: no more of them are counted. */
  readonly minimumRows: Readonly<Record<string, number>>;
  /** Whether it waits until nobody writes: what is not committed cannot be seen. */
  readonly unwritten?: boolean;
}

/** What is there, whatever it is. */
export interface Examination {
  /** `empty`: no bytes, or neither tables nor views. `unreadable`: something is there that is no sound database. */
  readonly state: 'missing' | 'empty' | 'unreadable' | 'readable';
  /** Whether a log lies there without a file that it belongs to: what was in it may be saved. */
  readonly hasLogAlone: boolean;
  /** Ordinary and virtual ones. */
  readonly tables: readonly string[];
  /** Of all tables, where they were counted. */
  readonly rows: TableRows;
  /** Of the tables that must have rows, by the name that was given: how many there are, up to that number. */
  readonly minimums: TableRows;
  /** Tables of which a page that was read is no sound one. */
  readonly damaged: readonly string[];
  /** Null where it cannot be read. */
  readonly userVersion: number | null;
  /** How commits are made durable, such as `wal` or `delete`; null where it cannot be read. */
  readonly journalMode: string | null;
  /** What is known to damage databases in this version of the engine, or null. */
  readonly engineBug: string | null;
  /** What it took, milliseconds. */
  readonly durationMs: number;
}
