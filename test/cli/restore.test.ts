import { describe, expect, it } from 'vitest';
import { confirmed, createProject, runCli, runTyped } from '../helpers/cli.js';
import { phrase } from '../helpers/http-app.js';

const restore = 'npx express-db-backup restore latest';
const undo = 'npx express-db-backup restore undo';

describe('what a restore would do is told before it is confirmed', () => {
  it('with the schema that would come and go', async () => {
    const project = createProject();
    project.change('CREATE TABLE old (id); CREATE VIEW newest AS SELECT 1');
    await runCli(['create'], project);
    project.change('DROP TABLE old; DROP VIEW newest; ALTER TABLE items ADD COLUMN price; CREATE TABLE fresh (id)');
    const { shown } = await runTyped(restore, project);
    for (const line of [
      'table old would come',
      'view newest would come',
      'table fresh would go',
      'column price (items) would go',
    ])
      expect(shown).toContain(line);
    expect(shown).not.toContain('Nothing would change');
  });

  it('with the tables that were not compared', async () => {
    const project = createProject();
    project.change('CREATE VIRTUAL TABLE search USING fts5(body)');
    await runCli(['create'], project);
    project.change("INSERT INTO search VALUES ('all of it')");
    const { shown } = await runTyped(restore, project);
    expect(shown).toContain('Nothing would change in what was compared.');
    expect(shown).toMatch(/Not compared are the rows of virtual tables and views: search\r?\n/);
    const { stdout } = await runCli(['compare', 'latest'], project);
    expect(stdout).toMatch(/There is no difference in what was compared\.\n.*: search\n$/);
  });

  it('or nothing, where nothing would change', async () => {
    const project = createProject();
    await runCli(['create'], project);
    expect((await runTyped(restore, project)).shown).toContain('Nothing would change.');
    expect((await runCli(['compare', 'latest'], project)).stdout).toContain('There is no difference.');
  });
});

it('an undo of which something else has become meanwhile is not done', async () => {
  const project = createProject();
  await runCli(['create'], project);
  await runCli(['restore', 'latest', ...confirmed], project);
  project.change('DELETE FROM items');
  const atPrompt = (type: (text: string) => void): void => {
    void runCli(['restore', 'latest', ...confirmed], project).then(() => type(`${phrase}\n`));
  };
  const { code, shown } = await runTyped(undo, { ...project, atPrompt });
  expect([code, project.live()]).toEqual([5, 'first:500']);
  expect(shown).toContain('Another restore has ended meanwhile');
});

it('Ctrl-C where the phrase is asked for is an interruption, and what is typed wrong is none', async () => {
  const project = createProject();
  await runCli(['create'], project);
  const stopped = await runTyped(restore, { ...project, atPrompt: (type) => type('\u0003') });
  expect([stopped.code, stopped.shown]).toEqual([130, expect.stringContaining('The operation was cancelled')]);
  for (const answer of ['yes\n', '\u0004'])
    expect((await runTyped(restore, { ...project, atPrompt: (type) => type(answer) })).code).toBe(2);
});
