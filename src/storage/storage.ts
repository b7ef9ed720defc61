import type { Readable } from 'node:stream';

export interface StoredFile {
  readonly name: string;
  readonly size: number;
  readonly modifiedAt: Date;
}

/** An open file: what is read is the file that was opened, even if its name goes away meanwhile. */
export interface OpenFile {
  readonly size: number;
  readonly modifiedAt: Date;
  /** Bytes `start` to `end`, both inclusive; the whole file without them. Closes the file at its end. */
  read(range?: { readonly start: number; readonly end: number }): Readable;
  close(): Promise<void>;
}

/** Two equal marks mean the same content. Null where that cannot be promised, such as right after a change. */
export type Mark = string | null;

interface Note {
  readonly text: string;
  /** Of this text, or of one that was there before it. */
  readonly mark: Mark;
}

/** Where bytes lie. Payloads are the backups themselves; notes are the small files beside them (manifests). */
export interface Storage {
  /** Of the set of payloads and notes: it changes when one is added, removed or replaced by another file. */
  mark(): Promise<Mark>;
  /** Names of payloads. Regular files only; links, pipes and directories are not there. */
  list(): Promise<string[]>;
  stat(name: string): Promise<StoredFile | null>;
  /** Takes over a staged, synced file. Never overwrites. @returns false when the name is taken */
  publish(stagedFile: string, name: string): Promise<boolean>;
  /** @throws `backup_not_found` */
  open(name: string): Promise<OpenFile>;
  remove(name: string): Promise<void>;
  listNotes(): Promise<string[]>;
  noteMark(name: string): Promise<Mark>;
  readNote(name: string): Promise<Note | null>;
  /** @returns false when `overwrite` is false and the note exists */
  writeNote(name: string, content: string, options: { staging: string; overwrite: boolean }): Promise<boolean>;
  removeNote(name: string): Promise<void>;
  freeBytes(): Promise<number | null>;
  /** The path an engine's process can read, or null where bytes must be fetched first. */
  localPath(name: string): string | null;
  localNotePath(name: string): string | null;
}
