import type { Mark, Storage } from '../storage/storage.js';
import { deepFreeze } from '../system/deep-freeze.js';
import { mapLimited } from '../system/map-limited.js';
import { type Backup, byNewest, strayBackup, toBackup } from './backup.js';
import { isBackupName, manifestName } from './backup-name.js';
import { parseManifest } from './manifest.js';

/** Enough to keep a disk busy, few enough descriptors. */
const parallelReads = 32;
/** Looking at the times of this many manifests costs a few milliseconds, so it is done at every list. */
const mostLookedAtEachTime = 1_000;
/** In a larger vault a manifest that somebody edited in its place may be listed as it was for this long. */
const longestStaleMs = 2_000;
/** A vault with more text than this in its manifests is not remembered but read anew each time. */
const mostKeptCharacters = 64 * 1024 * 1024;

interface Entry {
  readonly filename: string;
  readonly mark: Mark;
  readonly characters: number;
  /** Null for a file whose manifest is missing or not its own. */
  readonly backup: Backup | null;
}

/** What the disk was found to hold. */
interface Look {
  readonly mark: Mark;
  /** When the manifests were looked at, on the clock of `performance.now()`. */
  readonly at: number;
  readonly entries: ReadonlyMap<string, Entry>;
  readonly notes: ReadonlySet<string>;
  readonly sorted: readonly Backup[];
}

const nothing: Look = { mark: null, at: Number.NEGATIVE_INFINITY, entries: new Map(), notes: new Set(), sorted: [] };

/**
 * What the vault holds, read from the disk once and again only where the disk has changed, whoever changed it. It is
 * for lists and choices; whoever works with one backup reads its manifest.
 */
export class Catalogue {
  readonly #storage: Storage;
  #last = nothing;
  #running: Promise<unknown> = Promise.resolve();
  #next: Promise<readonly Backup[]> | undefined;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  /**
   * Newest first, stray files included. All who ask while a look is under way share the next one: the one under way
   * may have passed by what they have just published.
   */
  list(): Promise<readonly Backup[]> {
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      const listing = this.#list();
      this.#running = listing.catch(() => undefined);
      return listing;
    });
    return this.#next;
  }

  async #list(): Promise<readonly Backup[]> {
    const look = await this.#look();
    const characters = [...look.entries.values()].reduce((sum, entry) => sum + entry.characters, 0);
    this.#last = characters > mostKeptCharacters ? nothing : look;
    return this.#withStrays(look);
  }

  async #look(): Promise<Look> {
    const [last, at] = [this.#last, performance.now()];
    const mark = await this.#storage.mark();
    const sameFiles = mark !== null && mark === last.mark;
    if (sameFiles && last.entries.size > mostLookedAtEachTime && at - last.at < longestStaleMs) return last;
    // Payloads first: a manifest is there before its file and until that is gone.
    const names = sameFiles ? [...last.entries.keys()] : (await this.#storage.list()).filter(isBackupName);
    const notes = sameFiles ? last.notes : new Set(await this.#storage.listNotes());
    const found = await mapLimited(names, parallelReads, (filename) => this.#entry(filename, notes));
    const entries = new Map(found.map((entry) => [entry.filename, entry]));
    const unchanged = sameFiles && found.every(({ filename, backup }) => last.entries.get(filename)?.backup === backup);
    return { mark, at, entries, notes, sorted: unchanged ? last.sorted : sortedBackups(found) };
  }

  /** The known entry itself where nothing has changed. */
  async #entry(filename: string, notes: ReadonlySet<string>): Promise<Entry> {
    const note = manifestName(filename);
    const known = this.#last.entries.get(filename);
    const stray = { filename, mark: null, characters: 0, backup: null };
    if (!notes.has(note)) return stray;
    if (known !== undefined && known.mark !== null && (await this.#storage.noteMark(note)) === known.mark) return known;
    const read = await this.#storage.readNote(note);
    if (read === null) return stray;
    const manifest = parseManifest(read.text, filename);
    const backup = manifest && deepFreeze(toBackup(manifest));
    return { filename, mark: read.mark, characters: read.text.length, backup };
  }

  /** A stray file's size and time are its own and change unseen, so they are asked for at every list. */
  async #withStrays({ entries, sorted }: Look): Promise<readonly Backup[]> {
    const strays = [...entries.values()].filter(({ backup }) => backup === null);
    if (strays.length === 0) return sorted;
    const files = await mapLimited(strays, parallelReads, ({ filename }) => this.#storage.stat(filename));
    return [...sorted, ...files.flatMap((file) => (file === null ? [] : strayBackup(file)))].sort(byNewest);
  }
}

const sortedBackups = (entries: readonly Entry[]): readonly Backup[] =>
  entries.flatMap(({ backup }) => backup ?? []).sort(byNewest);
