import { execFileSync } from 'node:child_process';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import express from 'express';
import { createBackupService, errorTable, type Notification, webhook } from 'express-db-backup';
import { describe, expect, it } from 'vitest';
import { routes } from '../../dist/http/routes.js';
import { auditDefaults } from '../../dist/options/audit-options.js';
import { retentionDefaults } from '../../dist/options/retention.js';
import { routerDefaults } from '../../dist/options/router-options.js';
import { scheduleDefaults } from '../../dist/options/schedule.js';
import { serviceDefaults } from '../../dist/options/service-options.js';
import { tallyKinds } from '../helpers/faults/tally.js';
import { serve } from '../helpers/http-app.js';
import { createDatabase } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const webhookSecret = 'another secret of the tests';
const root = fileURLToPath(new URL('../../', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const snippets = [...readme.matchAll(/```js\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');

/** The cells of every row of the tables in the section with this heading. */
function tableRows(heading: string): string[][] {
  const section = readme.split(/^## /m).find((text) => text.startsWith(heading)) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('|') && !line.startsWith('| ---'));
  return rows.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** Runs a snippet as a user would: in a project that has the package, beside a database. */
function runSnippet(code: string, before = ''): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'data'));
  const database = createDatabase(join(folder, 'data', 'app.db'), { rows: 1 });
  database.exec('CREATE TABLE users (id); CREATE TABLE orders (id)');
  database.close();
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules', 'express-db-backup'));
  symlinkSync(join(root, 'node_modules', 'express'), join(folder, 'node_modules', 'express'));
  writeFileSync(join(folder, 'app.mjs'), `${before}\n${code}\nconsole.log('it runs');\n`);
  const env = {
    ...process.env,
    JWT_SECRET: 'a secret of the tests that is long enough',
    WEBHOOK_SECRET: webhookSecret,
    SMTP_URL: 'smtps://localhost',
    SLACK_URL: 'https://example.com/slack',
    PING_URL: 'https://example.com/ping',
  };
  return execFileSync(process.execPath, ['app.mjs'], { cwd: folder, env, encoding: 'utf8' });
}

const imports = "import { backupRouter, createBackupService } from 'express-db-backup';";
const service = "const backups = createBackupService({ database: 'data/app.db', directory: 'backups' });";

describe('the snippets of the README', () => {
  it('run: the first one, which has at most 8 lines', () => {
    expect((snippets[0] ?? '').trim().split('\n').length).toBeLessThanOrEqual(8);
    expect(runSnippet(`${snippets[0]}\nif ((await backups.create()).size < 1) throw new Error();`)).toBe('it runs\n');
  });

  it('run: authentication of the host', () => {
    expect(runSnippet(snippets[1] ?? '', `${imports}\n${service}`)).toBe('it runs\n');
  });

  it('run: the gate before the other routes', () => {
    const gate =
      "import express from 'express'; import { createBackupService, maintenanceGate } from 'express-db-backup';";
    expect(runSnippet(snippets[2] ?? '', `${gate}\n${service} const app = express();`)).toBe('it runs\n');
  });

  it('run: health, and a guarded migration', () => {
    const names = 'createBackupService, healthRouter, jwtAuth';
    const app = `import express from 'express'; import { ${names} } from 'express-db-backup'; ${service} const app = express();`;
    const authenticate = 'const authenticate = jwtAuth({ secret: process.env.JWT_SECRET });';
    expect(runSnippet(snippets[3] ?? '', `${app} ${authenticate}`)).toBe('it runs\n');
    const migrate = 'const migrate = async () => undefined;';
    expect(runSnippet(`${snippets[4]}\nawait backups.close();`, `${imports}\n${service} ${migrate}`)).toBe('it runs\n');
  });

  it('run: what is left to itself', () => {
    expect(runSnippet(snippets[5] ?? '', `${imports} import { existsSync } from 'node:fs';`)).toBe('it runs\n');
  });

  it('run: every option', () => {
    expect(runSnippet(snippets[6] ?? '', imports)).toBe('it runs\n');
    expect(snippets).toHaveLength(9);
  });

  it('run: who is told', () => {
    const notifiers = "import { createBackupService, email, heartbeat, slack, webhook } from 'express-db-backup';";
    expect(runSnippet(snippets[7] ?? '', notifiers)).toBe('it runs\n');
  });

  it('run: the check of a webhook, which lets through what was signed and nothing else', async () => {
    const app = express();
    new Function('app', 'express', 'createHmac', 'timingSafeEqual', 'process', snippets[8] ?? '')(
      app,
      express,
      createHmac,
      timingSafeEqual,
      { env: { WEBHOOK_SECRET: webhookSecret } },
    );
    const url = `${await serve(app)}/backup-events`;
    const deliver = (secret: string): Promise<object> => {
      const notification = { event: 'backup.failed' } as Notification;
      return webhook({ url, secret }).deliver(notification, { id: 'one', signal: AbortSignal.timeout(10_000) });
    };
    expect(await deliver(webhookSecret)).toEqual({ delivered: true });
    expect(await deliver('another secret of that length')).toMatchObject({ delivered: false, reason: 'HTTP 401' });
    const old = { 'X-Timestamp': '1', 'X-Signature-256': '', 'Content-Type': 'application/json' };
    const hmac = createHmac('sha256', webhookSecret).update('1.{}').digest('hex');
    for (const signature of ['', 'sha256=', `sha256=${hmac}`]) {
      const headers = { ...old, 'X-Signature-256': signature };
      expect((await fetch(url, { method: 'POST', headers, body: '{}' })).status).toBe(401);
    }
  });
});

describe('the transcript of the README', () => {
  it('has the lines that the example app prints, and an answer to each', async () => {
    const { roundTrip } = (await import('../../example-app/round-trip.js')) as {
      roundTrip(base: string, token: string): string;
    };
    const transcript = /```console\n([\s\S]*?)```/.exec(readme)?.[1]?.trim().split('\n') ?? [];
    const printed = roundTrip('http://127.0.0.1:3000', 'eyJhbGciOiJIUzI1NiIs...').trim().split('\n');
    const commands = transcript.filter((line) => line.startsWith('$ ')).map((line) => line.slice(2));
    expect(commands).toEqual(
      printed.filter((line) => !line.startsWith('#')).map((line) => line.replace(/; echo$/, '')),
    );
    expect(transcript.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as unknown)).toHaveLength(
      8,
    );
  });
});

describe('the tables of the README', () => {
  it('name every error code with its status, title and hint', () => {
    const documented = tableRows('Errors').slice(1).sort();
    const codes = Object.entries(errorTable).filter(([code]) => code !== 'invalid_options');
    expect(documented).toEqual(
      codes.map(([code, { status, title, hint }]) => [String(status), `\`${code}\``, title, hint]).sort(),
    );
  });

  it('name every route with its permission', () => {
    const documented = tableRows('In your app')
      .slice(1)
      .map(([route, permission]) => `${route} ${permission}`);
    for (const { method, path, permission } of routes) {
      const row = documented.find((text) => text.includes(`${method.toUpperCase()} ${path}`));
      expect(row, `${method} ${path}`).toContain(permission);
    }
  });

  it('name every method of the service', () => {
    const folder = temporaryFolder();
    const made = createBackupService({ database: join(folder, 'app.db'), directory: join(folder, 'backups') });
    // What the routers and the command share with the service.
    const inner = ['audited', 'limits', 'report', 'reserveStaging', 'probe', 'examine'];
    const listed = /^The service: ([\s\S]*?)\. `on\(/m.exec(readme)?.[1]?.match(/\w+/g);
    expect(listed?.toSorted()).toEqual(
      Object.keys(made)
        .filter((name) => !inner.includes(name))
        .toSorted(),
    );
  });

  it('name every default', () => {
    const defaults = new Map(
      tableRows('Options')
        .slice(1)
        .map(([option, value]) => [option, value]),
    );
    const { uploadBytes, operationMs, restoreWaitMs, verifyOnCreate } = serviceDefaults;
    const expected = {
      'limits.uploadBytes': uploadBytes,
      'limits.operationMs': operationMs,
      'limits.restoreWaitMs': restoreWaitMs,
    };
    for (const [option, value] of Object.entries(expected)) expect(defaults.get(`\`${option}\``)).toBe(`\`${value}\``);
    const { keep, safety } = retentionDefaults;
    const { schedule, verifyEvery } = scheduleDefaults;
    expect(defaults.get('`retention`')).toBe(`\`{ keep: ${keep} }\``);
    expect(defaults.get('`retention.safety`')).toBe(`\`{ keep: ${safety.keep} }\``);
    expect(defaults.get('`schedule`')).toBe(`\`{ every: '${schedule.every}' }\``);
    expect(defaults.get('`verifyEvery`')).toBe(`\`'${verifyEvery}'\``);
    expect(defaults.get('`mayEmpty`')).toBe('`[]`');
    expect(defaults.get('`verifyOnCreate`')).toBe(`\`'${verifyOnCreate}'\``);
    expect(readme).toContain(routerDefaults.confirmationPhrase);
    const limits = tableRows('Options').map(([name, limit, windowMs]) => [name, limit, windowMs]);
    for (const [name, { limit, windowMs }] of Object.entries(routerDefaults.rateLimit))
      expect(limits).toContainEqual([`\`${name}\``, `\`${limit}\``, `\`${windowMs}\``]);
    const { maxBytes, maxFiles } = auditDefaults;
    expect(readme).toContain(`A file of \`maxBytes\` (${maxBytes / 1024 ** 2} MiB)`);
    expect(readme).toContain(`up to \`maxFiles\` (${maxFiles})`);
  });

  it('count what every kind of fault test tried, with nothing lost', () => {
    const section = /<!-- npm run test:faults -->\n([\s\S]*?)<!-- end -->/.exec(readme)?.[1] ?? '';
    const rows = [...section.matchAll(/^\| (.*?) +\| +([\d,]+) \| +(\d+) \|$/gm)];
    expect(rows.map(([, kind]) => kind)).toEqual([...tallyKinds]);
    for (const [, , tried, lost] of rows) expect([Number(tried?.replaceAll(',', '')) > 0, lost]).toEqual([true, '0']);
  });

  it('name only commands that exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    for (const [, , name] of readme.matchAll(/npm (run )?(start|test(?::faults)?|bench|lint|coverage)\b/g))
      expect(Object.keys(scripts)).toContain(name);
  });
});
