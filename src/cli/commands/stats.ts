import type { Command } from '../command.js';
import { spellBytes, spellInstant } from '../terminal.js';

export const stats: Command = async ({ service, terminal }) => {
  const told = await service.stats();
  const { totalBackups, totalSize, byKind, newest, oldest, lastVerifiedAt, freeBytes } = told;
  terminal.tell(told, [
    `${totalBackups} backups, ${spellBytes(totalSize)}; ${freeBytes === null ? 'free space unknown' : `${spellBytes(freeBytes)} free`}`,
    ...Object.entries(byKind).map(([kind, { count, size }]) => `  ${kind}: ${count}, ${spellBytes(size)}`),
    `Newest: ${newest?.filename ?? 'none'} (${spellInstant(newest?.createdAt ?? null)})`,
    `Oldest: ${oldest?.filename ?? 'none'} (${spellInstant(oldest?.createdAt ?? null)})`,
    `Last verified: ${spellInstant(lastVerifiedAt)}`,
  ]);
};
