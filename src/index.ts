export type { AuditCheck, AuditProblem } from './audit/check-chain.js';
export type { AuditPage } from './audit/read-entries.js';
export type { Operation, OperationType } from './coordination/operation.js';
export { type BackupServiceOptions, createBackupService } from './create-backup-service.js';
export type { SchemaChange, TableChange } from './engines/comparison.js';
export type { CheckOutcome } from './engines/database-content.js';
export type { Engine } from './engines/engine.js';
export { type SqliteOptions, sqlite } from './engines/sqlite/sqlite-engine.js';
export { type ErrorCode, errorTable } from './error-table.js';
export { BackupError, type Problem } from './errors.js';
export type {
  CleanupOutcome,
  InterruptedRestore,
  LowDisk,
  MissedRun,
  Receipt,
  ShrunkTable,
  StartReport,
  ValidationReport,
  VerifyOutcome,
} from './events/outcomes.js';
export type { ServiceEvents } from './events/service-events.js';
export type { Finding } from './health/finding.js';
export type { HealthReport, HealthStatus } from './health/verdict.js';
export { type BackupRouterOptions, backupRouter, type Middleware } from './http/backup-router.js';
export type { Principal } from './http/handler.js';
export { type HealthRouterOptions, healthRouter } from './http/health-router.js';
export { type Authenticate, type JwtAuthOptions, jwtAuth } from './http/jwt-auth.js';
export { maintenanceGate } from './http/maintenance-gate.js';
export { type EmailOptions, email } from './notify/email.js';
export { type HeartbeatOptions, heartbeat } from './notify/heartbeat.js';
export type { Delivery, DeliveryOutcome, LastGoodBackup, Notification, Notifier } from './notify/notifier.js';
export { type SlackOptions, slack } from './notify/slack.js';
export { type WebhookOptions, webhook } from './notify/webhook.js';
export type { BackupList, BackupService, BackupStats, OpenBackup, ServiceStatus } from './operations/backup-service.js';
export type { CompareOutcome } from './operations/backups/compare-backups.js';
export type { BackupNews } from './operations/follow/backup-news.js';
export type { EventReader, FeedEvent } from './operations/follow/feed-event.js';
export type { ToldOperation } from './operations/follow/operation-news.js';
export type { GuardedMigration, GuardInput } from './operations/migrate/guard-migration.js';
export type { Replaced } from './operations/restore/last-replaced.js';
export type { OperationRun } from './operations/run/operation-spec.js';
export type { AuditAction, AuditEntry, AuditOutcome } from './options/audit-entry.js';
export type { BackupKind, VerificationLevel } from './options/backup-kind.js';
export type { Logger } from './options/logger-option.js';
export type { MetricsRegistry } from './options/metrics-option.js';
export type { NotifyEvent } from './options/notify-options.js';
export type { Backup } from './vault/backup.js';
