import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { type WebhookOptions, webhook } from 'express-db-backup';
import { describe, expect, it } from 'vitest';
import { type FixtureProcess, startFixture } from '../helpers/fixture-process.js';
import { createDatabase } from '../helpers/live-database.js';
import { type Receiver, startReceiver } from '../helpers/receiver.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { secret, summary } from '../helpers/told.js';
import { createWorkspace, openService } from '../helpers/workspace.js';

type Events = NonNullable<WebhookOptions['events']>;
const hooked = (receiver: Receiver, events: Events = ['backup.failed', 'table.shrank']) => ({
  notify: [webhook({ url: receiver.origin, secret, events })],
});
const statuses = (receiver: Receiver): string[] => summary(receiver.notifications());

describe('a service with a database that goes away and comes back', () => {
  it('tells of it once, and of its return once, over restarts', async () => {
    const receiver = await startReceiver();
    const { service, databaseFile, directory } = createWorkspace({ service: hooked(receiver) });
    const good = await service.create();
    renameSync(databaseFile, `${databaseFile}.away`);
    for (let failure = 0; failure < 2; failure++)
      await expect(service.create()).rejects.toMatchObject({ code: 'database_missing' });
    await service.close();
    const { service: second } = openService({ database: databaseFile, directory, ...hooked(receiver) });
    await second.start();
    await expect(second.create()).rejects.toMatchObject({ code: 'database_missing' });
    renameSync(`${databaseFile}.away`, databaseFile);
    const again = await second.create();
    await second.close();
    expect(statuses(receiver)).toEqual(['trouble backup.failed 1', 'recovered backup.failed 3']);
    const [trouble, recovered] = receiver.notifications();
    expect(trouble).toMatchObject({
      database: 'app',
      code: 'database_missing',
      lastGoodBackup: { filename: good.filename },
    });
    expect(trouble?.text).toContain(`Last good backup: ${good.filename}, less than a minute old`);
    expect(recovered).toMatchObject({ title: 'app: backups work again', lastGoodBackup: { filename: again.filename } });
    for (const { body } of receiver.received) expect(body).not.toContain(directory.slice(0, -'/backups'.length));
  });

  it('has every message that the end of the process may have lost told after the next start', async () => {
    const receiver = await startReceiver(500);
    const folder = temporaryFolder();
    const app = await startFixture('notified-app', folder, receiver.origin);
    expect(await call(app, 'create')).toMatchObject({ code: 'database_missing' });
    await receiver.until(1);
    await app.kill();
    receiver.answer = 200;
    const next = await startFixture('notified-app', folder, receiver.origin);
    await call(next, 'start');
    await receiver.until(2);
    await call(next, 'close');
    expect(statuses(receiver)).toEqual(['trouble backup.failed 1', 'trouble backup.failed 1']);
    const third = await startFixture('notified-app', folder, receiver.origin);
    await call(third, 'start');
    await call(third, 'close');
    expect(receiver.received).toHaveLength(2);
  });
});

describe('four processes on one vault', () => {
  it('tell of one streak once between them', async () => {
    const receiver = await startReceiver();
    const folder = temporaryFolder();
    const start = (): Promise<FixtureProcess> => startFixture('notified-app', folder, receiver.origin);
    const apps = await Promise.all([start(), start(), start(), start()]);
    await Promise.all(
      apps.map(async (app) => {
        await call(app, 'start');
        await createUntil(app, 'database_missing');
      }),
    );
    createDatabase(join(folder, 'app.db')).close();
    await Promise.all(apps.map((app) => createUntil(app, undefined)));
    for (const app of apps) await call(app, 'close');
    expect(statuses(receiver)).toEqual(['trouble backup.failed 1', 'recovered backup.failed 4']);
  });
});

describe('a database that is not what it must be', () => {
  it('is told at the start, and again when a backup or a restore finds it mended', async () => {
    const receiver = await startReceiver();
    const { service, database } = createWorkspace({
      service: { minimumRows: { items: 1 }, schedule: false, ...hooked(receiver, ['database.invalid']) },
    });
    const { filename } = await service.create();
    database.exec('DELETE FROM items');
    expect((await service.start()).validation.ok).toBe(false);
    await receiver.until(1);
    await service.create();
    await service.restore(filename);
    await receiver.until(2);
    expect(statuses(receiver)).toEqual(['trouble database.invalid 1', 'recovered database.invalid 2']);
    expect(receiver.notifications()[0]).toMatchObject({
      title: 'app: the database is not what it must be',
      detail: 'The table items has 0 rows; it must have at least 1.',
      hint: 'Run: npx express-db-backup restore latest',
    });
  });
});

describe('an operation', () => {
  it('is not slowed down by a receiver that does not answer', async () => {
    const silent = await startReceiver(() => undefined);
    const { service } = createWorkspace({ service: hooked(silent, ['backup.created']) });
    await service.create();
    await silent.until(1);
    await service.create();
    await service.create();
    expect(silent.received).toHaveLength(1);
    silent.answer = 200;
    silent.drop();
    await service.close();
    expect(statuses(silent)).toEqual(Array(4).fill('notice backup.created 1'));
  });

  it('that has ended lets the process end, although a message waits for its next attempt', async () => {
    const receiver = await startReceiver(500);
    const app = await startFixture('notified-app', temporaryFolder(), receiver.origin, 'ends');
    expect(await call(app, 'create')).toMatchObject({ code: 'database_missing' });
    expect(await app.ended).toBe(null);
    expect(receiver.received.length).toBeLessThanOrEqual(1);
  });
});

describe('a table that was emptied', () => {
  it('is told by name, whatever its name, and that it has rows again', async () => {
    const receiver = await startReceiver();
    const { service, database } = createWorkspace({ service: hooked(receiver) });
    const table = '"x\r\nBcc: evil@example.com"';
    database.exec(`CREATE TABLE ${table} (a); INSERT INTO ${table} VALUES (1), (2)`);
    const full = await service.create();
    database.exec(`DELETE FROM ${table}`);
    const empty = await service.create();
    database.exec(`INSERT INTO ${table} VALUES (1)`);
    await service.create();
    await service.close();
    expect(statuses(receiver)).toEqual(['trouble table.shrank 1', 'recovered table.shrank 1']);
    const [told] = receiver.notifications();
    expect(told?.detail).toBe(
      `Table x Bcc: evil@example.com had 2 rows in ${full.filename} and has none in ${empty.filename}.`,
    );
    expect(told?.hint).toContain(`pin ${full.filename}`);
  });
});

/** What a process answers to one call. */
async function call(app: FixtureProcess, verb: string): Promise<Readonly<Record<string, unknown>>> {
  app.send({ type: 'call', verb });
  return app.next('done', 'failed');
}

/** Creates until the outcome is not that another was faster. */
async function createUntil(app: FixtureProcess, code: string | undefined): Promise<void> {
  for (;;) {
    const answer = await call(app, 'create');
    if (answer.code === code) return;
    expect(answer.code).toBe('operation_in_progress');
  }
}
