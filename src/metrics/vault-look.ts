import { type Readings, type StoredBackup, vaultReadings } from './vault-readings.js';

/** What the metrics ask of a vault. */
export interface VaultView {
  /** Newest first. */
  list(): Promise<readonly StoredBackup[]>;
  freeBytes(): Promise<number | null>;
}

/** Prometheus gives up a scrape after 10 s unless told otherwise; a disk that hangs must not cost it the other metrics. */
const longestLookMs = 3_000;

/**
 * All metrics of a scrape, and of scrapes at the same time, share one look, and a look that hangs is not followed by
 * another one. Null: the vault cannot be read now.
 */
export function createVaultLook(vault: VaultView, clock: () => Date): () => Promise<Readings | null> {
  let running: Promise<Readings | null> | undefined;
  let waiting: Promise<Readings | null> | undefined;
  return function lookAtVault() {
    running ??= look(vault, clock).finally(() => {
      running = undefined;
    });
    waiting ??= atMost(longestLookMs, running).finally(() => {
      waiting = undefined;
    });
    return waiting;
  };
}

/** A fault here is told by the metric `vault_readable`, at each scrape; as an event it would be told as often. */
async function look(vault: VaultView, clock: () => Date): Promise<Readings | null> {
  try {
    const backups = await vault.list();
    const freeBytes = await vault.freeBytes().catch(() => null);
    return vaultReadings(backups, freeBytes, clock());
  } catch {
    return null;
  }
}

function atMost<Result>(milliseconds: number, work: Promise<Result>): Promise<Result | null> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(null), milliseconds).unref();
    void work.then((result) => {
      clearTimeout(timer);
      resolve(result);
    });
  });
}
