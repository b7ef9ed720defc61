import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Answer, bodyOf, createdSchema, problemOf, receiptSchema } from '../helpers/contract.js';
import { call, createOne, expressVersions, type HttpApp, phrase, startApp, upload } from '../helpers/http-app.js';
import { createDatabase, generations, inspect, integrity, setGeneration } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { stagedFiles, storedBackups } from '../helpers/workspace.js';

const restore = (
  app: HttpApp,
  name: string,
  body: object = {},
  headers: Record<string, string> = {},
): Promise<Answer> => call(app, 'post', `/restore/${name}`, { body: { confirm: phrase, ...body }, headers });

/** A backup of the generation `first`, and a live database that has gone on to `second`. */
async function appAfterBackup(options: Parameters<typeof startApp>[0] = {}) {
  const app = await startApp(options);
  const backup = await createOne(app);
  setGeneration(app.database, 'second');
  return { app, backup, ...backup };
}

function expectUntouched({ database, directory }: HttpApp, backups: readonly string[]): void {
  expect(generations(database)).toBe('second:500');
  expect(integrity(database)).toBe('ok');
  expect(storedBackups(directory)).toEqual([...backups].sort());
  expect(stagedFiles(directory)).toEqual([]);
}

describe.each(expressVersions)('%s: POST /restore', (_version, express) => {
  it('brings the content back under the open connection and keeps what it replaced in a safety backup', async () => {
    const { app, filename } = await appAfterBackup({ express });
    const prepared = app.database.prepare('SELECT DISTINCT generation FROM items').pluck();
    const receipt = bodyOf(await restore(app, 'latest'), 200, receiptSchema);
    expect(receipt).toMatchObject({ restored: filename, warnings: [], checkpointPending: false });
    expect(receipt.tables).toEqual({ commits: { before: 0, after: 0 }, items: { before: 500, after: 500 } });
    expect(Object.values(receipt.checks).every((outcome) => outcome === 'passed')).toBe(true);
    expect(prepared.all()).toEqual(['first']);
    expect(receipt.safetyBackup).toMatch(/^app_safety_[\d_-]+\.db$/);
    expect(inspect(join(app.directory, receipt.safetyBackup), generations)).toBe('second:500');
    expect(await app.service.get(receipt.safetyBackup)).toMatchObject({
      kind: 'safety',
      notes: `Replaced by ${filename}`,
    });
    expect(stagedFiles(app.directory)).toEqual([]);
  });
});

describe('POST /restore', () => {
  it.each([
    ['no body at all', undefined],
    ['no phrase', {}],
    ['another case', { confirm: phrase.toLowerCase() }],
    ['a space before it', { confirm: ` ${phrase}` }],
    ['a line end after it', { confirm: `${phrase}\n` }],
    ['a dot after it', { confirm: `${phrase}.` }],
    ['a space that does not break', { confirm: phrase.replace(' ', '\u00a0') }],
    ['an empty text', { confirm: '' }],
    ['true', { confirm: true }],
    ['null', { confirm: null }],
    ['a list with it', { confirm: [phrase] }],
    ['the filename', { confirm: 'latest' }],
  ])('wants the phrase letter for letter, and says which: %s', async (_what, body) => {
    const { app, filename } = await appAfterBackup();
    const answer = await call(app, 'post', '/restore/latest', { body });
    expect(problemOf(answer, 400, 'confirmation_required').expected).toBe(phrase);
    expectUntouched(app, [filename]);
  });

  it("wants the host's own phrase where there is one", async () => {
    const confirmationPhrase = 'Ja, überschreiben! ✓';
    const { app, filename } = await appAfterBackup({ router: { confirmationPhrase } });
    expect(problemOf(await restore(app, 'latest'), 400, 'confirmation_required').expected).toBe(confirmationPhrase);
    expectUntouched(app, [filename]);
    bodyOf(await restore(app, 'latest', { confirm: confirmationPhrase }), 200, receiptSchema);
    expect(generations(app.database)).toBe('first:500');
  });

  it.each([
    ['acceptNewTriggers as text', { acceptNewTriggers: 'true' }, 'acceptNewTriggers'],
    ['an unknown field', { force: true }, 'force'],
  ])('refuses %s instead of ignoring it', async (_what, body, field) => {
    const { app, filename } = await appAfterBackup();
    const { errors } = problemOf(await restore(app, 'latest', body), 400, 'invalid_request');
    expect(errors?.map((error) => error.field)).toEqual([field]);
    expectUntouched(app, [filename]);
  });

  it('happens only to the backup that If-Match names', async () => {
    const { app, backup, filename } = await appAfterBackup();
    const others = [`"${'0'.repeat(64)}"`, `W/"${backup.sha256}"`, backup.sha256, '""', `"x", "y"`];
    for (const tag of others) {
      problemOf(await restore(app, filename, {}, { 'If-Match': tag }), 412, 'backup_changed');
      expectUntouched(app, [filename]);
    }
    const tags = `"${'0'.repeat(64)}", "${backup.sha256}"`;
    bodyOf(await restore(app, filename, {}, { 'If-Match': tags }), 200, receiptSchema);
    expect(generations(app.database)).toBe('first:500');
    bodyOf(await restore(app, filename, {}, { 'If-Match': '*' }), 200, receiptSchema);
  });

  it.each([
    ['a flipped bit', (bytes: Buffer) => bytes.fill(bytes.readUInt8(9_000) ^ 1, 9_000, 9_001)],
    ['a lost page', (bytes: Buffer) => bytes.subarray(0, -4096)],
    ['no byte', () => Buffer.alloc(0)],
  ])('refuses a backup with %s as 422, before live is touched', async (_what, damage) => {
    const { app, filename } = await appAfterBackup();
    const file = join(app.directory, filename);
    writeFileSync(file, damage(readFileSync(file)));
    const { problems } = problemOf(await restore(app, filename), 422, 'backup_damaged');
    expect(problems?.length).toBeGreaterThan(0);
    expectUntouched(app, [filename]);
  });

  it('refuses the backup of another application', async () => {
    const { app, filename } = await appAfterBackup();
    app.database.pragma('application_id = 7');
    problemOf(await restore(app, filename), 422, 'backup_incompatible');
    expectUntouched(app, [filename]);
  });

  it('restores a backup with a newer user_version and says so', async () => {
    const app = await startApp();
    app.database.pragma('user_version = 9');
    await createOne(app);
    app.database.pragma('user_version = 3');
    const { warnings } = bodyOf(await restore(app, 'latest'), 200, receiptSchema);
    expect(warnings).toEqual([expect.stringContaining('newer')]);
    expect(app.database.pragma('user_version', { simple: true })).toBe(9);
  });

  it('asks before it brings triggers of an uploaded backup into the live database', async () => {
    const { app, filename } = await appAfterBackup();
    const file = join(temporaryFolder(), 'x.db');
    const elsewhere = createDatabase(file, { generation: 'uploaded', wal: false });
    elsewhere.exec('CREATE TRIGGER evil AFTER INSERT ON items BEGIN DELETE FROM commits; END');
    elsewhere.close();
    const { backup } = bodyOf(await upload(app, readFileSync(file)), 201, createdSchema);
    const refused = problemOf(await restore(app, backup.filename), 422, 'untrusted_objects');
    expect(refused.objects).toEqual(['trigger evil']);
    expectUntouched(app, [filename, backup.filename]);
    bodyOf(await restore(app, backup.filename, { acceptNewTriggers: true }), 200, receiptSchema);
    expect(generations(app.database)).toBe('uploaded:500');
  });
});
