import { accessSync, constants, type Stats, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BackupError } from '../errors.js';
import type { Settings } from './config.js';
import type { Terminal } from './terminal.js';

/** The types of Node leave it out. */
interface WithGroups {
  readonly initgroups?: (user: string, extraGroup: number) => void;
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
  /** Null for one that the system has no name for. */
  readonly account: { readonly name: string; readonly home: string } | null;
}

/**
 * Has root go on as the user whose backups they are. What root writes into the vault, private as it is, the application
 * could not read: its next backup would fail.
 * @throws BackupError `tool_missing` where that user may not run this program
 */
export function becomeOwner({ options }: Settings, terminal: Terminal): void {
  const { geteuid, seteuid, setuid, setgid, setgroups, initgroups }: typeof process & WithGroups = process;
  if (geteuid?.() !== 0 || !seteuid || !setuid || !setgid || !setgroups || !initgroups) return;
  const found = ownerOf(options);
  if (found === null || found.uid === 0) return;
  const { uid, gid, account } = readAccount(found, seteuid);
  if (account === null) setgroups([gid]);
  else initgroups(account.name, gid);
  setgid(gid);
  setuid(uid);
  // For what `migrate` runs: npm writes into the home of its user.
  if (account !== null) Object.assign(process.env, { HOME: account.home, USER: account.name, LOGNAME: account.name });
  const name = account?.name ?? `user ${uid}`;
  requireProgram(name);
  terminal.log(`Going on as ${name}, whose backups these are.`);
}

/**
 * Of the vault and of the database; where neither is there yet, of the folder of the database. Null where they are not of
 * one user: the application is then somebody who reaches both.
 */
function ownerOf({ database, directory }: Settings['options']): Stats | null {
  const live = typeof database === 'string' ? resolve(database) : database.liveFile;
  const found = [directory, ...(live === null ? [] : [live])].map(statIfThere).filter((stat) => stat !== null);
  const [first = live === null ? null : statIfThere(dirname(live)), ...others] = found;
  return others.some(({ uid }) => uid !== first?.uid) ? null : first;
}

/** What is wrong with a place is told when it is used. */
function statIfThere(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

/** Node knows the account of its own effective user alone. */
function readAccount({ uid, gid }: Stats, seteuid: (id: number) => void): Owner {
  seteuid(uid);
  try {
    const { username: name, homedir: home, gid: own } = userInfo();
    return { uid, gid: own, account: { name, home } };
  } catch {
    return { uid, gid, account: null };
  } finally {
    seteuid(0);
  }
}

/** A Node or a package in the home of root is out of reach for the processes that read the database. */
function requireProgram(name: string): void {
  for (const file of [process.execPath, fileURLToPath(import.meta.url)]) {
    try {
      accessSync(file, file === process.execPath ? constants.X_OK : constants.R_OK);
    } catch (cause) {
      const detail = `The backups belong to ${name}, who may not use ${file}. Run this as ${name}, with a Node and a package of its own.`;
      throw new BackupError('tool_missing', detail, { cause });
    }
  }
}
