/** Why a backup exists. */
export const backupKinds = ['manual', 'scheduled', 'safety', 'pre_migration', 'uploaded'] as const;
export type BackupKind = (typeof backupKinds)[number];

/** How thoroughly a file is checked; what each level proves is told in the README under "What verified proves". */
export const verificationLevels = ['quick', 'full'] as const;
export type VerificationLevel = (typeof verificationLevels)[number];
