import type { BackupKind } from '../../options/backup-kind.js';
import type { Backup } from '../../vault/backup.js';
import type { Command } from '../command.js';
import { spellBytes, spellInstant, type Terminal } from '../terminal.js';

export interface ListFlags {
  readonly limit?: number;
  readonly offset?: number;
  readonly kind?: BackupKind;
}

export function list({ limit = 50, offset = 0, kind }: ListFlags): Command {
  return async ({ service, terminal }) => {
    const { backups, total } = await service.list({ limit, offset, kind });
    const rows = backups.map((backup) => [
      backup.filename,
      backup.kind ?? 'stray',
      spellInstant(backup.createdAt),
      spellBytes(backup.size),
      verdictOf(backup, terminal),
      backup.pinned ? 'pinned' : '',
    ]);
    const shown = `${backups.length} of ${total} backups`;
    const table = terminal.table(['NAME', 'KIND', 'CREATED', 'SIZE', 'VERIFIED', ''], rows);
    terminal.tell({ backups, total, limit, offset }, total === 0 ? ['There are no backups.'] : [...table, shown]);
  };
}

function verdictOf({ verification }: Backup, terminal: Terminal): string {
  if (verification?.ok == null) return terminal.style('dim', 'no');
  return verification.ok ? terminal.style('green', verification.level) : terminal.style('red', 'DAMAGED');
}
