import { randomBytes } from 'node:crypto';
import { BackupError } from '../errors.js';
import type { OpenFile, Storage } from '../storage/storage.js';
import { type Backup, strayBackup, toBackup } from './backup.js';
import { backupName, latest, manifestName, requireBackupName } from './backup-name.js';
import { Catalogue } from './catalogue.js';
import { Holds } from './holds.js';
import { formatManifest, type Manifest, type ManifestDraft, parseManifest } from './manifest.js';

export interface VaultParts {
  readonly storage: Storage;
  readonly naming: { readonly prefix: string; readonly extension: string };
  /** Runs one short change at a time, across processes. */
  readonly exclusively: <Result>(change: () => Promise<Result>) => Promise<Result>;
  /** Is told of each backup that was removed. */
  readonly onRemoved?: (filename: string) => void;
}

export interface Removed {
  readonly filename: string;
  readonly freedBytes: number;
}

/** More backups than this within one second are a runaway loop. */
const mostAttempts = 10_000;

/**
 * The collection of backups: names, manifests, publishing, removal. A name is a filename, or `latest` for the newest
 * completed backup that is not a safety backup. Changes are short and happen one at a time, in whichever process.
 */
export class Vault {
  readonly #storage: Storage;
  readonly #naming: VaultParts['naming'];
  readonly #exclusively: VaultParts['exclusively'];
  readonly #onRemoved: VaultParts['onRemoved'];
  readonly #catalogue: Catalogue;
  readonly #holds = new Holds();

  constructor({ storage, naming, exclusively, onRemoved }: VaultParts) {
    this.#storage = storage;
    this.#naming = naming;
    this.#exclusively = exclusively;
    this.#onRemoved = onRemoved;
    this.#catalogue = new Catalogue(storage);
  }

  /**
   * Newest first, stray files included. Frozen, because it is remembered; in a vault of more than a thousand a manifest
   * that was edited in its place may be told as it was for two seconds. Everything else here reads the manifest itself.
   */
  list(): Promise<readonly Backup[]> {
    return this.#catalogue.list();
  }

  /** @throws BackupError `invalid_filename`, `backup_not_found` */
  async get(name: string): Promise<Backup> {
    const filename = await this.#resolve(name);
    const file = await this.#storage.stat(filename);
    if (file === null) throw notFound(filename);
    const manifest = await this.#readManifest(filename);
    return manifest === null ? strayBackup(file) : toBackup(manifest);
  }

  /** The manifest, or null for a stray file. @throws BackupError `invalid_filename`, `backup_not_found` */
  async manifest(name: string): Promise<{ filename: string; manifest: Manifest | null }> {
    const { filename } = await this.get(name);
    return { filename, manifest: await this.#readManifest(filename) };
  }

  /** Takes over a staged, synced file; when this resolves the backup survives a power cut. */
  publish(stagedFile: string, draft: ManifestDraft, staging: string): Promise<Backup> {
    return this.#exclusively(async () => {
      const parts = { ...this.#naming, kind: draft.kind, createdAt: new Date(draft.createdAt) };
      for (let attempt = 1; attempt <= mostAttempts; attempt++) {
        const filename = backupName(parts, attempt);
        const manifest: Manifest = { ...draft, version: 1, filename, status: 'completed' };
        if (await this.#tryPublish(stagedFile, manifest, staging)) return toBackup(manifest);
      }
      throw new Error('No free name was found for the backup.');
    });
  }

  /** @throws BackupError `backup_not_found`, also for a stray file, which has nothing to change */
  update(filename: string, change: (manifest: Manifest) => Manifest, staging: string): Promise<Backup> {
    return this.#exclusively(async () => {
      const { manifest } = await this.manifest(filename);
      if (manifest === null) throw new BackupError('backup_not_found', `${filename} has no manifest to change.`);
      const changed = change(manifest);
      await this.#storage.writeNote(manifestName(filename), formatManifest(changed), { staging, overwrite: true });
      return toBackup(changed);
    });
  }

  /**
   * The file goes first: it is what makes a backup real, so a crash in between leaves no file that nobody vouches for.
   * @throws BackupError `backup_pinned`, `backup_in_use`, `backup_not_found`, `invalid_filename`
   */
  remove(name: string): Promise<Removed> {
    return this.#exclusively(async () => {
      const { filename, pinned, size } = await this.get(name);
      if (pinned) throw new BackupError('backup_pinned', `${filename} is pinned.`);
      if (this.isHeld(filename)) throw new BackupError('backup_in_use', `${filename} is being read.`);
      const logs = (await this.#readManifest(filename))?.source.logs ?? [];
      await this.#storage.remove(filename);
      for (const ending of logs) await this.#storage.remove(filename + ending);
      await this.#storage.removeNote(manifestName(filename));
      this.#onRemoved?.(filename);
      return { filename, freedBytes: size };
    });
  }

  /**
   * Removes manifests whose file was never published or is already removed: a crash in between leaves them. A restore
   * publishes without the vault's lock, so `isChanging` is asked after the manifests were seen: while one runs they
   * stay, and of one that has ended the file is there.
   */
  sweep(isChanging: () => boolean): Promise<void> {
    return this.#exclusively(async () => {
      const notes = await this.#storage.listNotes();
      if (isChanging()) return;
      const described = new Set((await this.#storage.list()).map(manifestName));
      const orphans = notes.filter((note) => note.endsWith('.json') && !described.has(note));
      for (const note of orphans) await this.#storage.removeNote(note);
    });
  }

  open(filename: string): Promise<OpenFile> {
    return this.#storage.open(filename);
  }

  /** Keeps a backup from being removed by this process until the returned function is called. */
  hold(filename: string): () => void {
    return this.#holds.take(filename);
  }

  readonly isHeld = (filename: string): boolean => this.#holds.has(filename);

  /** Where an engine's process finds the file. */
  localPath(filename: string): string {
    return required(this.#storage.localPath(filename));
  }

  freeBytes(): Promise<number | null> {
    return this.#storage.freeBytes();
  }

  /** Lends out an empty file beside the manifests. After a crash `sweep` takes it for one without a backup. */
  async withProbe<Result>(look: (file: string) => Promise<Result>, staging: string): Promise<Result> {
    const note = `probe-${randomBytes(6).toString('hex')}.json`;
    await this.#storage.writeNote(note, '{}', { staging, overwrite: false });
    try {
      return await look(required(this.#storage.localNotePath(note)));
    } finally {
      await this.#storage.removeNote(note);
    }
  }

  async #resolve(name: string): Promise<string> {
    if (name !== latest) {
      requireBackupName(name);
      return name;
    }
    const newest = (await this.list()).find((backup) => backup.manifest && backup.kind !== 'safety');
    if (newest === undefined) throw new BackupError('backup_not_found', 'There is no backup yet.');
    return newest.filename;
  }

  async #readManifest(filename: string): Promise<Manifest | null> {
    const note = await this.#storage.readNote(manifestName(filename));
    return note && parseManifest(note.text, filename);
  }

  /** The manifest first, then the file under its final name, which makes the backup real. */
  async #tryPublish(stagedFile: string, manifest: Manifest, staging: string): Promise<boolean> {
    const { filename } = manifest;
    if ((await this.#storage.stat(filename)) !== null) return false;
    const note = manifestName(filename);
    if (!(await this.#storage.writeNote(note, formatManifest(manifest), { staging, overwrite: false }))) return false;
    const published = await this.#storage.publish(stagedFile, filename).catch(async (error: unknown) => {
      // A file that got its name before the fault keeps what vouches for it; it may not survive a power cut.
      if ((await this.#storage.stat(filename)) === null) await this.#storage.removeNote(note);
      throw error;
    });
    if (!published) await this.#storage.removeNote(note);
    return published;
  }
}

function required(path: string | null): string {
  if (path === null) throw new Error('This needs a vault on this machine.');
  return path;
}

function notFound(filename: string): BackupError {
  return new BackupError('backup_not_found', `There is no backup named ${filename}.`);
}
