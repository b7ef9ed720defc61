import type { Backup } from '../../vault/backup.js';
import type { Command } from '../command.js';
import { spellBytes, spellInstant } from '../terminal.js';

export const stats: Command = async ({ service, terminal }) => {
  const told = await service.stats();
  const { totalBackups, totalSize, byKind, newest, oldest, lastVerifiedAt, freeBytes } = told;
  terminal.tell(told, [
    `${totalBackups} backups, ${spellBytes(totalSize)}; ${freeBytes === null ? 'free space unknown' : `${spellBytes(freeBytes)} free`}`,
    ...Object.entries(byKind).map(([kind, { count, size }]) => `  ${kind}: ${count}, ${spellBytes(size)}`),
    `Newest: ${spell(newest)}`,
    `Oldest: ${spell(oldest)}`,
    `Last verified: ${spellInstant(lastVerifiedAt)}`,
  ]);
};

const spell = (backup: Backup | null): string =>
  backup === null ? 'none' : `${backup.filename} (${spellInstant(backup.createdAt)})`;
