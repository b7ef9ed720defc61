import { realpathSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ErrorCode } from '../../../../error-table.js';
import { BackupError, systemCode } from '../../../../errors.js';
import type { SerialisedError } from '../../protocol.js';

const busy = /^SQLITE_(BUSY|LOCKED|PROTOCOL)/;
const damaged = /^SQLITE_(CORRUPT|NOTADB|FORMAT)/;
/** SQLite tells that the index of a log cannot grow, but not why. */
const indexCannotGrow = 'SQLITE_IOERR_SHMSIZE';
const full = /^(SQLITE_FULL|SQLITE_IOERR_SHMSIZE|ENOSPC|EDQUOT|EFBIG)$/;

/** Which code a fault of SQLite or of the file system means, or undefined for one that nothing above can act on. */
function codeOf(fault: string | undefined): ErrorCode | undefined {
  if (fault === undefined) return undefined;
  if (busy.test(fault)) return 'database_busy';
  if (damaged.test(fault)) return 'source_damaged';
  return full.test(fault) ? 'insufficient_storage' : undefined;
}

const details: Partial<Record<ErrorCode, string>> = {
  database_busy: 'The database stayed locked by another connection.',
  insufficient_storage: 'The file system is full.',
};

/** Turns whatever a task threw into what the host can rebuild. Of the `live` file is known whether there is room beside it. */
export function describeError(error: unknown, live?: string): SerialisedError {
  if (error instanceof BackupError) return { code: error.code, detail: error.message, facts: error.facts };
  const message = error instanceof Error ? error.message : String(error);
  const fault = systemCode(error);
  const code = codeOf(fault);
  if (code === undefined || (fault === indexCannotGrow && live !== undefined && hasRoomBeside(live)))
    return { code: 'internal_error', detail: `${message} (${fault ?? 'no code'})`, facts: {} };
  return { code, detail: details[code] ?? `SQLite says: ${message}.`, facts: {} };
}

/** Whether the fault says that the file's content is no sound database. */
export function saysDamaged(error: unknown): boolean {
  return codeOf(systemCode(error)) === 'source_damaged';
}

export function saysBusy(error: unknown): boolean {
  return codeOf(systemCode(error)) === 'database_busy';
}

/** An index grows by 32 KiB at a time. */
const enoughBytes = 1024 * 1024;

function hasRoomBeside(live: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dirname(realpathSync(live)));
    return bavail * bsize >= enoughBytes;
  } catch {
    return false;
  }
}
