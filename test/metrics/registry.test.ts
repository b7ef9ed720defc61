import { join } from 'node:path';
import type { createBackupService } from 'express-db-backup';
import { AggregatorRegistry, Counter, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { createDatabase } from '../helpers/live-database.js';
import { scrape } from '../helpers/scrape.js';
import { secondPromClient } from '../helpers/second-prom-client.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { createWorkspace, openService } from '../helpers/workspace.js';

/** A service for a database of this name in a folder of its own. */
function serve(name: string, metrics: NonNullable<Parameters<typeof createBackupService>[0]['metrics']>) {
  const folder = temporaryFolder();
  const database = join(folder, name);
  createDatabase(database, { rows: 1 }).close();
  return openService({ database, directory: join(folder, 'backups'), metrics }).service;
}

describe('two services in one registry', () => {
  it('share each metric and differ by the name of the database', async () => {
    const registry = new Registry();
    const [shop, users] = [serve('shop.db', registry), serve('users.db', registry)];
    await shop.create();
    await shop.create();
    await users.create();
    const told = await scrape(registry);
    expect(told.value('backups', { database: 'shop.db', kind: 'manual' })).toBe(2);
    expect(told.value('backups', { database: 'users.db', kind: 'manual' })).toBe(1);
    expect(told.value('duration_seconds_count', { database: 'users.db' })).toBe(1);
    const series = told.samples.map(({ name, labels }) => JSON.stringify([name, Object.entries(labels).sort()]));
    expect(new Set(series).size).toBe(series.length);
  });

  it('with one label are refused, and with a label of their own they are not', async () => {
    const registry = new Registry();
    serve('app.db', registry);
    expect(() => serve('app.db', registry)).toThrow(
      expect.objectContaining({
        code: 'invalid_options',
        message: expect.stringMatching(/`metrics.database`.*no other service.*got "app.db"/),
      }),
    );
    await serve('app.db', { registry, database: 'the other one' }).create();
    expect((await scrape(registry)).value('backups', { database: 'the other one', kind: 'manual' })).toBe(1);
  });
});

describe('the label `database`', () => {
  it.each(['we"ird.db', 'back\\slash.db', 'new\nline.db', 'tab\tand space.db', 'ünï 💾 {a="b"}.db', '}.db'])(
    'is the base name, whatever its characters: %j',
    async (name) => {
      const registry = new Registry();
      await serve(name, registry).create();
      const told = await scrape(registry);
      expect(told.value('backups', { kind: 'manual' })).toBe(1);
      expect(new Set(told.samples.map(({ labels }) => labels.database))).toEqual(new Set([name]));
    },
  );
});

describe('a registry', () => {
  it('of another copy of prom-client renders the same, and metrics of both copies beside each other', async () => {
    const second = secondPromClient();
    expect(second.Registry).not.toBe(Registry);
    const registry = new second.Registry();
    new second.Counter({ name: 'of_the_host', help: 'Its own.', registers: [registry] }).inc();
    new Counter({ name: 'of_the_other', help: 'Of the first copy.', registers: [registry] }).inc();
    const service = serve('app.db', registry);
    const { size } = await service.create();
    const told = await scrape(registry);
    expect(told.value('stored_bytes', { kind: 'manual' })).toBe(size);
    expect(told.types.get('of_the_host')).toBe('counter');
    expect(told.types.get('of_the_other')).toBe('counter');
    expect(told.types.get('express_db_backup_duration_seconds')).toBe('histogram');
  });

  it('that speaks OpenMetrics tells counts with one ending', async () => {
    const registry = new Registry();
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
    await serve('app.db', registry).create();
    for (let time = 0; time < 2; time++) {
      const lines = (await registry.metrics()).split('\n');
      expect(lines).toContain('# TYPE express_db_backup_operations counter');
      expect(lines).toContain(
        'express_db_backup_operations_total{database="app.db",type="create",outcome="succeeded"} 1',
      );
    }
  });

  it('that merges the workers of a cluster adds up what each counted and not what all see', async () => {
    const { databaseFile, directory } = createWorkspace();
    const workers = [new Registry(), new Registry()];
    const services = workers.map((metrics) => openService({ database: databaseFile, directory, metrics }).service);
    for (const service of services) await service.create();
    const merged = AggregatorRegistry.aggregate(await Promise.all(workers.map((worker) => worker.getMetricsAsJSON())));
    const told = await scrape(merged);
    expect(told.value('backups', { kind: 'manual' })).toBe(2);
    expect(told.value('operations_total', { type: 'create', outcome: 'succeeded' })).toBe(2);
    expect(told.value('duration_seconds_count')).toBe(2);
    expect(told.value('vault_readable')).toBe(1);
  });

  it('that is reset counts from 0 and still tells what the vault holds', async () => {
    const registry = new Registry();
    await serve('app.db', registry).create();
    registry.resetMetrics();
    const told = await scrape(registry);
    expect(told.value('operations_total', { type: 'create', outcome: 'succeeded' })).toBe(0);
    expect(told.value('duration_seconds_count')).toBe(0);
    expect(told.value('backups', { kind: 'manual' })).toBe(1);
  });

  it('that was cleared takes the services that come after', async () => {
    const registry = new Registry();
    serve('app.db', registry);
    registry.clear();
    expect((await scrape(registry)).samples).toEqual([]);
    await serve('app.db', registry).create();
    expect((await scrape(registry)).value('backups', { kind: 'manual' })).toBe(1);
  });

  it('in which a name is taken by somebody else is refused, and gets nothing', async () => {
    const registry = new Registry();
    new Counter({ name: 'express_db_backup_backups', help: 'Not ours.', registers: [registry] });
    expect(() => serve('app.db', registry)).toThrow(/`metrics`.*another metric.*express_db_backup_backups/);
    expect(registry.getMetricsAsArray()).toHaveLength(1);
  });

  it('is given a default label of the host and keeps its own', async () => {
    const registry = new Registry();
    registry.setDefaultLabels({ app: 'shop', database: 'of the host' });
    await serve('app.db', registry).create();
    expect((await scrape(registry)).value('backups', { app: 'shop', database: 'app.db', kind: 'manual' })).toBe(1);
  });
});
