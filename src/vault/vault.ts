import { BackupError } from '../errors.js';
import type { BackupKind } from '../options/backup-kind.js';
import type { OpenFile, Storage } from '../storage/storage.js';
import { mapLimited } from '../system/map-limited.js';
import { type Backup, byNewest, strayBackup, toBackup } from './backup.js';
import { backupName, isBackupName, latest, manifestName, requireBackupName } from './backup-name.js';
import { formatManifest, type Manifest, parseManifest } from './manifest.js';

/** Everything a manifest says that is known before the backup has its name. */
export type ManifestDraft = Omit<Manifest, 'version' | 'filename' | 'status'>;

/** The collection of backups. Its own changes are short and happen one at a time, in whichever process. */
export interface Vault {
  /** Newest first, stray files included. */
  list(): Promise<Backup[]>;
  /** @throws `invalid_filename`, `backup_not_found` */
  get(nameOrLatest: string): Promise<Backup>;
  /** The manifest, or null for a stray file. @throws `invalid_filename`, `backup_not_found` */
  manifest(nameOrLatest: string): Promise<{ filename: string; manifest: Manifest | null }>;
  /** Takes over a staged, synced file; when this resolves the backup survives a power cut. */
  publish(stagedFile: string, draft: ManifestDraft, staging: string): Promise<Backup>;
  /** @throws `backup_not_found` also for a stray file, which has nothing to change */
  update(filename: string, change: (manifest: Manifest) => Manifest, staging: string): Promise<Backup>;
  /** @returns the bytes that were freed. @throws `backup_pinned`, `backup_in_use`, `backup_not_found` */
  remove(nameOrLatest: string): Promise<{ filename: string; freedBytes: number }>;
  open(filename: string): Promise<OpenFile>;
  /** Keeps a backup from being removed by this process until the returned function is called. */
  hold(filename: string): () => void;
  isHeld(filename: string): boolean;
  localPath(filename: string): string;
  freeBytes(): Promise<number | null>;
  /** Removes manifests whose file was never published or is already removed: a crash in between leaves them. */
  sweep(): Promise<void>;
}

export interface VaultParts {
  readonly storage: Storage;
  readonly naming: { readonly prefix: string; readonly extension: string };
  /** Runs one short change at a time, across processes. */
  readonly exclusively: <Result>(change: () => Promise<Result>) => Promise<Result>;
}

const parallelReads = 32;
/** More backups than this within one second are a runaway loop. */
const mostAttempts = 10_000;

const notFound = (filename: string): BackupError =>
  new BackupError('backup_not_found', `There is no backup named ${filename}.`);

export function createVault({ storage, naming, exclusively }: VaultParts): Vault {
  const holds = new Map<string, number>();
  const isHeld = (filename: string): boolean => (holds.get(filename) ?? 0) > 0;

  const readManifest = async (filename: string): Promise<Manifest | null> => {
    const text = await storage.readNote(manifestName(filename));
    return text === null ? null : parseManifest(text, filename);
  };

  const list = async (): Promise<Backup[]> => {
    const files = (await storage.list()).filter((file) => isBackupName(file.name));
    const backups = await mapLimited(files, parallelReads, async (file) => {
      const manifest = await readManifest(file.name);
      return manifest === null ? strayBackup(file) : toBackup(manifest);
    });
    return backups.sort(byNewest);
  };

  const resolveName = async (nameOrLatest: string): Promise<string> => {
    if (nameOrLatest !== latest) {
      requireBackupName(nameOrLatest);
      return nameOrLatest;
    }
    const newest = (await list()).find((backup) => backup.manifest && backup.kind !== 'safety');
    if (newest === undefined) throw new BackupError('backup_not_found', 'There is no backup yet.');
    return newest.filename;
  };

  const get = async (nameOrLatest: string): Promise<Backup> => {
    const filename = await resolveName(nameOrLatest);
    const file = await storage.stat(filename);
    if (file === null) throw notFound(filename);
    const manifest = await readManifest(filename);
    return manifest === null ? strayBackup(file) : toBackup(manifest);
  };

  /** The manifest first, then the file under its final name, which makes the backup real. */
  const tryPublish = async (stagedFile: string, manifest: Manifest, staging: string): Promise<boolean> => {
    const note = manifestName(manifest.filename);
    if (!(await storage.writeNote(note, formatManifest(manifest), { staging, overwrite: false }))) return false;
    const published = await storage.publish(stagedFile, manifest.filename).catch(async (error: unknown) => {
      await storage.removeNote(note);
      throw error;
    });
    if (!published) await storage.removeNote(note);
    return published;
  };

  const publish = async (stagedFile: string, draft: ManifestDraft, staging: string): Promise<Backup> => {
    const parts = { ...naming, kind: draft.kind as BackupKind, createdAt: new Date(draft.createdAt as string) };
    for (let attempt = 1; attempt <= mostAttempts; attempt++) {
      const filename = backupName(parts, attempt);
      const manifest = { ...draft, version: 1, filename, status: 'completed' } as Manifest;
      if ((await storage.stat(filename)) === null && (await tryPublish(stagedFile, manifest, staging)))
        return toBackup(manifest);
    }
    throw new Error('No free name was found for the backup.');
  };

  /** The file first: it is what makes a backup real, so a crash in between leaves no file that nobody vouches for. */
  const remove = async (nameOrLatest: string): Promise<{ filename: string; freedBytes: number }> => {
    const { filename, pinned, size } = await get(nameOrLatest);
    if (pinned) throw new BackupError('backup_pinned', `${filename} is pinned.`);
    if (isHeld(filename)) throw new BackupError('backup_in_use', `${filename} is being read.`);
    await storage.remove(filename);
    await storage.removeNote(manifestName(filename));
    return { filename, freedBytes: size };
  };

  const update = async (
    filename: string,
    change: (manifest: Manifest) => Manifest,
    staging: string,
  ): Promise<Backup> => {
    if ((await storage.stat(filename)) === null) throw notFound(filename);
    const manifest = await readManifest(filename);
    if (manifest === null) throw new BackupError('backup_not_found', `${filename} has no manifest to change.`);
    const changed = change(manifest);
    await storage.writeNote(manifestName(filename), formatManifest(changed), { staging, overwrite: true });
    return toBackup(changed);
  };

  const sweep = async (): Promise<void> => {
    const files = new Set((await storage.list()).map((file) => manifestName(file.name)));
    for (const note of await storage.listNotes()) {
      if (note.endsWith('.json') && !files.has(note)) await storage.removeNote(note);
    }
  };

  return {
    list,
    get,
    async manifest(nameOrLatest) {
      const { filename } = await get(nameOrLatest);
      return { filename, manifest: await readManifest(filename) };
    },
    publish: (stagedFile, draft, staging) => exclusively(() => publish(stagedFile, draft, staging)),
    update: (filename, change, staging) => exclusively(() => update(filename, change, staging)),
    remove: (nameOrLatest) => exclusively(() => remove(nameOrLatest)),
    open: (filename) => storage.open(filename),
    hold(filename) {
      holds.set(filename, (holds.get(filename) ?? 0) + 1);
      let released = false;
      return () => {
        if (!released) holds.set(filename, (holds.get(filename) ?? 1) - 1);
        released = true;
        if (holds.get(filename) === 0) holds.delete(filename);
      };
    },
    isHeld,
    localPath(filename) {
      const path = storage.localPath(filename);
      if (path === null) throw new Error('The engine needs the backup on this machine.');
      return path;
    },
    freeBytes: () => storage.freeBytes(),
    sweep: () => exclusively(sweep),
  };
}
