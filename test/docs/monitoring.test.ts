import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { type MetricRow, metricPrefix, metricTable } from '../../dist/metrics/metric-table.js';
import { createDatabase } from '../helpers/live-database.js';
import { scrape } from '../helpers/scrape.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { createWorkspace } from '../helpers/workspace.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (name: string): string => readFileSync(join(root, 'docs', name), 'utf8');
const page = read('monitoring.md');
const alerts = read('prometheus-alerts.yml');
const dashboard = JSON.parse(read('grafana-dashboard.json')) as {
  panels: { title: string; targets: { expr: string }[] }[];
  templating: { list: { query: string }[] };
};

/** Each rule by its name, with the text of its members. */
const rules = new Map(
  alerts
    .split(/^ {6}- alert: /m)
    .slice(1)
    .map((text) => [text.slice(0, text.indexOf('\n')), text]),
);
const expressions = [
  ...[...alerts.matchAll(/^ {8}expr: (.*(?:\n {10}.*)*)$/gm)].map(([, expression = '']) => expression),
  ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
  ...dashboard.templating.list.map(({ query }) => query),
];

/** The metrics an expression names, each with the labels it selects by. */
const namedIn = (expression: string): { metric: string; labels: string[] }[] =>
  [...expression.matchAll(/(express_db_backup_\w+)(?:\{([^}]*)\})?/g)].map(([, metric = '', selector = '']) => ({
    metric,
    labels: [...selector.matchAll(/(\w+)(?:=|=~|!=|!~)"/g)].map(([, label = '']) => label),
  }));

describe('the alert rules and the dashboard', () => {
  it('name only metrics and labels that a scrape has', async () => {
    const registry = new Registry();
    const { service } = createWorkspace({ service: { metrics: registry } });
    await service.create();
    const { samples } = await scrape(registry);
    const named = expressions.flatMap(namedIn);
    expect(named.length).toBeGreaterThan(20);
    for (const { metric, labels } of named) {
      const sample = samples.find(({ name }) => name === metric);
      expect(sample, metric).toBeDefined();
      for (const label of labels) expect(Object.keys(sample?.labels ?? {}), metric).toContain(label);
    }
  });

  it('have an expression, a severity and what to do for every alert', () => {
    expect(rules.size).toBeGreaterThan(10);
    for (const [name, rule] of rules) {
      for (const member of [/^ {8}expr: .+$/m, /^ {10}severity: (critical|warning)$/m, /^ {10}summary: ".+"$/m])
        expect(rule, name).toMatch(member);
      expect(rule, name).toMatch(/^ {10}description: ".+"$/m);
    }
  });

  it.skipIf(spawnSync('promtool', ['--version']).error !== undefined)('are taken by promtool', () => {
    const checked = execFileSync('promtool', ['check', 'rules', join(root, 'docs', 'prometheus-alerts.yml')]);
    expect(checked.toString()).toContain(`SUCCESS: ${rules.size} rules found`);
  });
});

describe('the page about monitoring', () => {
  const rows = page
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.slice(2, -2).split(' | '));

  it('names every metric with its type and what it tells', () => {
    const documented = rows.filter(([, type]) => ['gauge', 'counter', 'histogram'].includes(type ?? ''));
    const metrics: [string, MetricRow][] = Object.entries(metricTable);
    expect(documented).toEqual(metrics.map(([name, { type, help }]) => [`\`${name}\``, type, help]));
    expect(page).toContain(`\`${metricPrefix}\``);
  });

  it('names every alert', () => {
    const documented = rows.flatMap(([name = '']) => /^`(Database\w+)`$/.exec(name)?.[1] ?? []);
    expect(documented).toEqual([...rules.keys()]);
  });

  it('has a first snippet that runs', () => {
    const [, snippet = ''] = /```js\n([\s\S]*?)```/.exec(page) ?? [];
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'data'));
    createDatabase(join(folder, 'data', 'app.db'), { rows: 1 }).close();
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(root, join(folder, 'node_modules', 'express-db-backup'));
    for (const name of ['express', 'prom-client'])
      symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
    const fetched = `
      const server = app.listen(0);
      const answer = await fetch('http://127.0.0.1:' + server.address().port + '/metrics');
      console.log(await answer.text());
      server.close();
    `;
    writeFileSync(join(folder, 'app.mjs'), snippet + fetched);
    const printed = execFileSync(process.execPath, ['app.mjs'], { cwd: folder, encoding: 'utf8' });
    expect(printed).toContain('express_db_backup_vault_readable{database="app.db"} 1');
  });
});
