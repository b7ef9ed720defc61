/** Why a backup exists. */
export const backupKinds = ['manual', 'scheduled', 'safety', 'pre_migration', 'uploaded'] as const;
export type BackupKind = (typeof backupKinds)[number];

/** How thoroughly an engine checks a file. */
const checkLevels = ['quick', 'full'] as const;
export type CheckLevel = (typeof checkLevels)[number];

/** How thoroughly a backup is verified; what each level proves is told in the README under "What verified proves". */
export const verificationLevels = [...checkLevels, 'drill'] as const;
export type VerificationLevel = (typeof verificationLevels)[number];
