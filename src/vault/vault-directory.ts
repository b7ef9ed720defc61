import { chmod, lstat, mkdir, readdir, readFile } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { z } from 'zod';
import { BackupError, systemCode } from '../errors.js';
import { writeFileDurably } from '../system/durable-write.js';

/** Folders that web servers and Express apps hand out by convention. */
const servedNames = new Set(['public', 'public_html', 'static', 'www', 'wwwroot', 'htdocs']);
/** Outside the application's own folder a path such as /var/www/app/backups is ordinary; these names never are. */
const servedAnywhere = new Set(['public', 'public_html', 'wwwroot', 'htdocs']);

const refuse = (detail: string): never => {
  throw new BackupError('vault_refused', detail);
};

export const isInside = (directory: string, path: string): boolean => {
  const way = relative(directory, path);
  return way === '' || !(way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way));
};

/**
 * Refuses, from the paths alone, a vault that anyone could download from or that holds the live database itself.
 * @throws BackupError `vault_refused`
 */
export function refuseUnsafePlace(
  directory: string,
  place: { liveFile: string | null; staticRoots: readonly string[]; workingDirectory: string },
): void {
  if (place.liveFile !== null && isInside(directory, place.liveFile)) {
    refuse('The live database lies inside `directory`; the backups need a directory of their own.');
  }
  for (const root of place.staticRoots) {
    if (isInside(resolve(root), directory))
      refuse('`directory` lies inside a folder of `staticRoots`, from which anyone could download the backups.');
  }
  const within = isInside(place.workingDirectory, directory);
  const segments = (within ? relative(place.workingDirectory, directory) : directory).split(sep);
  const served = segments.find((segment) => (within ? servedNames : servedAnywhere).has(segment.toLowerCase()));
  if (served !== undefined)
    refuse(`\`directory\` lies inside a folder named "${served}", which web servers hand out; choose a private one.`);
}

const identitySchema = z.object({
  version: z.literal(1),
  engine: z.string(),
  database: z.string(),
  relative: z.string(),
});

export interface VaultOwner {
  readonly engine: string;
  /** A path or an address that tells this database from others. */
  readonly identity: string;
}

/**
 * Makes the directory, or makes sure that the one that is there is private and belongs to this database.
 * @throws BackupError `vault_refused`
 */
export async function openVaultDirectory(directory: string, stateDirectory: string, owner: VaultOwner): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const stat = await lstat(directory);
  if (stat.isSymbolicLink())
    refuse(
      '`directory` is a symbolic link; whoever can change the link would own the backups. Name the real directory.',
    );
  if (!stat.isDirectory()) refuse('`directory` is not a directory.');
  if (process.platform !== 'win32' && (stat.mode & 0o002) !== 0)
    refuse('`directory` is writable by every user of this machine (chmod 700 it).');
  const known = await readIdentity(stateDirectory);
  if (known === null) await claim(directory, stateDirectory, owner);
  else if (!isOwner(known, directory, owner)) {
    refuse(
      '`directory` is the vault of another database. Give each database a directory of its own (if the database was moved, delete .state/vault.json there).',
    );
  }
}

const identityFile = (stateDirectory: string): string => join(stateDirectory, 'vault.json');

async function readIdentity(stateDirectory: string): Promise<z.output<typeof identitySchema> | null> {
  try {
    const parsed = identitySchema.safeParse(JSON.parse(await readFile(identityFile(stateDirectory), 'utf8')));
    return parsed.success
      ? parsed.data
      : refuse('.state/vault.json in `directory` cannot be read; it says whose vault this is.');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    if (error instanceof SyntaxError)
      return refuse('.state/vault.json in `directory` cannot be read; it says whose vault this is.');
    throw error;
  }
}

/** A vault that was moved together with its database keeps the way between them. */
function isOwner(known: z.output<typeof identitySchema>, directory: string, { engine, identity }: VaultOwner): boolean {
  return known.engine === engine && (known.database === identity || known.relative === relative(directory, identity));
}

/** The first one who finds the directory without an owner becomes it; two at once agree on whose file was first. */
async function claim(directory: string, stateDirectory: string, owner: VaultOwner): Promise<void> {
  await mkdir(stateDirectory, { recursive: true, mode: 0o700 });
  const identity = {
    version: 1,
    engine: owner.engine,
    database: owner.identity,
    relative: relative(directory, owner.identity),
  };
  try {
    await writeFileDurably(identityFile(stateDirectory), `${JSON.stringify(identity, null, 2)}\n`, {
      staging: stateDirectory,
      overwrite: false,
    });
    if ((await readdir(directory)).every((name) => name === '.state')) await chmod(directory, 0o700);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    await openVaultDirectory(directory, stateDirectory, owner);
  }
}
