import { z } from 'zod';
import { notesSchema } from '../options/notes.js';
import type { Backup } from '../vault/backup.js';
import type { BackupChange } from './backup-service.js';
import type { OperationParts } from './operation-parts.js';
import { parseInput } from './parse-input.js';

/** Changes what people say of a backup; its content has no setter. @throws BackupError `invalid_request`, `backup_not_found` */
export async function updateBackup(
  { vault, runner }: OperationParts,
  nameOrLatest: string,
  { notes, pinned }: BackupChange,
): Promise<Backup> {
  if (notes !== undefined) parseInput(notesSchema, notes);
  if (pinned !== undefined) parseInput(z.boolean(), pinned);
  const { filename } = await vault.get(nameOrLatest);
  const { staging } = await runner.instance();
  const change = { ...(notes !== undefined && { notes }), ...(pinned !== undefined && { pinned }) };
  return vault.update(filename, (manifest) => ({ ...manifest, ...change }), staging);
}
