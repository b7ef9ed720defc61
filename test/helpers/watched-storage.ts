import { vi } from 'vitest';
import { localStorage } from '../../dist/storage/local-storage.js';
import type { Storage } from '../../dist/storage/storage.js';
import { Vault } from '../../dist/vault/vault.js';

export interface WatchedVault {
  readonly directory: string;
  readonly vault: Vault;
  /** Manifests that were read, and times that the directory was, since this was asked for the last time. */
  reads(): { manifests: number; directories: number };
  /** Resolves when what the vault holds has been left alone for so long that it may be remembered. */
  settled(): Promise<void>;
}

/** A vault on the real storage, which counts what is read; `afterList` runs once a directory has been read. */
export function watchVault(directory: string, afterList: () => Promise<void> = () => Promise.resolve()): WatchedVault {
  const storage = localStorage(directory);
  let [manifests, directories] = [0, 0];
  const watched: Storage = {
    ...storage,
    readNote: (name) => {
      manifests++;
      return storage.readNote(name);
    },
    list: async () => {
      directories++;
      const names = await storage.list();
      await afterList();
      return names;
    },
  };
  const naming = { prefix: 'app', extension: 'db' };
  return {
    directory,
    vault: new Vault({ storage: watched, naming, exclusively: (change) => change() }),
    reads: () => {
      const told = { manifests, directories };
      [manifests, directories] = [0, 0];
      return told;
    },
    settled: async () => {
      const notes = await storage.listNotes();
      const marks = (): Promise<unknown[]> => Promise.all([storage.mark(), ...notes.map(storage.noteMark)]);
      await vi.waitUntil(async () => !(await marks()).includes(null), { timeout: 20_000 });
    },
  };
}
