import { z } from 'zod';
import { backupKinds, verificationLevels } from '../options/backup-kind.js';

const instant = z.iso.datetime();
const count = z.int().min(0);
/** Not z.record, which leaves out a table named __proto__: a backup of one would look damaged. */
const rowsByTable = z.custom<Record<string, number>>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((rows) => Number.isSafeInteger(rows) && rows >= 0),
);

const knownMembers = z.object({
  version: z.literal(1),
  filename: z.string(),
  engine: z.string(),
  kind: z.enum(backupKinds),
  status: z.literal('completed'),
  createdAt: instant,
  createdBy: z.string(),
  notes: z.string().nullable(),
  pinned: z.boolean(),
  size: count,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  source: z.looseObject({
    name: z.string(),
    size: count,
    pageSize: count,
    pageCount: count,
    userVersion: z.int(),
    applicationId: z.int(),
    schemaSha256: z.string(),
    engineVersion: z.string(),
    logs: z
      .array(z.enum(['-wal', '-journal']))
      .readonly()
      .exactOptional(),
  }),
  tables: rowsByTable,
  encoding: z.array(z.string()),
  verification: z.looseObject({
    level: z.enum(['none', ...verificationLevels]),
    ok: z.boolean().nullable(),
    at: instant.nullable(),
    problems: z.array(z.string()),
    durationMs: z.number(),
    /** What the restore into a scratch database took, in a drill. */
    restoreMs: z.number().exactOptional(),
  }),
  copies: z.array(z.unknown()),
  warnings: z.array(z.string()),
  durationMs: z.number(),
});

/** Unknown members are kept: a newer version of this package may have written them. */
const manifestSchema = knownMembers.loose();

/**
 * The JSON beside a backup that says what it is: the truth, where its name is only a label.
 * Sizes in bytes, durations in milliseconds, instants ISO-8601 UTC.
 */
export type Manifest = z.output<typeof manifestSchema>;
/** Everything a manifest says before the backup has its name. */
export type ManifestDraft = Omit<z.output<typeof knownMembers>, 'version' | 'filename' | 'status'>;
export type Verification = Manifest['verification'];

/** An honest manifest has three levels. Deeper ones would exhaust the stack of whoever walks through them. */
const mostLevels = 32;

function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeperThan(levels - 1, member));
}

/** @returns null for anything that is not the manifest of exactly this file */
export function parseManifest(text: string, filename: string): Manifest | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (isDeeperThan(mostLevels, value)) return null;
  const parsed = manifestSchema.safeParse(value);
  return parsed.success && parsed.data.filename === filename ? parsed.data : null;
}

export function formatManifest(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}
