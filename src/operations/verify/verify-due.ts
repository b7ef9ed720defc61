import { join } from 'node:path';
import { FileLock } from '../../coordination/file-lock.js';
import { verificationLevels } from '../../options/backup-kind.js';
import type { VerifySchedule } from '../../options/schedule.js';
import type { Backup } from '../../vault/backup.js';
import type { OperationParts } from '../operation-parts.js';
import { scheduleCaller } from '../unattended/run-schedule.js';
import { verifyBackup } from './verify-backup.js';

/** The disk is left to the application between two backups. */
const pauseMs = 1_000;
/** Another process is at it. */
const busyMs = 30_000;
/** Where no verdict was written down, for whatever reason, it is tried again no sooner; the others are not held up. */
const retryMs = 3_600_000;

const ranks: readonly (string | undefined)[] = ['none', ...verificationLevels];
const rank = (level: string | undefined): number => ranks.indexOf(level);

/** Verifies stored backups in the background, so that bit rot is found while another backup still exists. */
export class DueVerifications {
  readonly #parts: OperationParts;
  readonly #wanted: VerifySchedule;
  readonly #triedAt = new Map<string, number>();
  #quiet = { from: 0, until: 0 };

  constructor(parts: OperationParts, wanted: VerifySchedule) {
    this.#parts = parts;
    this.#wanted = wanted;
  }

  /** Verifies the backup with the oldest verdict, if it is due, and tells in how many milliseconds to look again. */
  async run(): Promise<number> {
    const now = this.#parts.clock().getTime();
    if (now >= this.#quiet.from && now < this.#quiet.until) return this.#quiet.until - now;
    if ((await this.#due()) === undefined) return this.#quiet.until - now;
    const { place, runner } = this.#parts;
    await runner.instance();
    const lock = new FileLock(join(place.stateDirectory, 'verification.lock'));
    if (!lock.tryAcquire()) return busyMs;
    try {
      // Another process may just have done it.
      const due = await this.#due();
      if (due !== undefined) await this.#verify(due);
      return pauseMs;
    } finally {
      lock.release();
    }
  }

  async #verify({ filename }: Backup): Promise<void> {
    const { level } = this.#wanted;
    // The runner tells of what fails.
    await verifyBackup(this.#parts, filename, { level, by: scheduleCaller }).catch(() => undefined);
    this.#triedAt.set(filename, this.#parts.clock().getTime());
  }

  async #due(): Promise<Backup | undefined> {
    const { vault, clock } = this.#parts;
    const now = clock().getTime();
    // One that was found damaged was told of and does not heal; the raw copy of a damaged live file is one from the start.
    const backups = (await vault.list()).filter(({ manifest, verification }) => manifest && verification?.ok !== false);
    const byDue = backups
      .map((backup) => ({ backup, dueAt: this.#dueAt(backup, now) }))
      .sort((a, b) => a.dueAt - b.dueAt);
    for (const filename of this.#triedAt.keys())
      if (!backups.some((backup) => backup.filename === filename)) this.#triedAt.delete(filename);
    const [first] = byDue;
    this.#quiet = { from: now, until: Math.min(first?.dueAt ?? Number.MAX_SAFE_INTEGER, now + this.#wanted.every) };
    return first !== undefined && first.dueAt <= now ? first.backup : undefined;
  }

  /** A verdict from the future is none, nor is one of a lower level than is wanted. */
  #dueAt({ filename, verification }: Backup, now: number): number {
    const at = Date.parse(verification?.at ?? '');
    const { every, level } = this.#wanted;
    const counts = at <= now && rank(verification?.level) >= rank(level);
    const regular = counts ? at + every : 0;
    const triedAt = this.#triedAt.get(filename);
    if (triedAt === undefined || triedAt > now) return regular;
    return Math.max(regular, triedAt + Math.min(every, retryMs));
  }
}
