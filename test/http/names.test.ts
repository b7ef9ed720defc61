import { describe, expect, it } from 'vitest';
import { contentButAudit } from '../helpers/audit.js';
import { problemOf } from '../helpers/contract.js';
import { filenameRoutes, sendToFilename } from '../helpers/filename-routes.js';
import { as, createOne, expressVersions, startApp } from '../helpers/http-app.js';
import { rawRequest } from '../helpers/raw-request.js';

/** As they stand in the request line; each comes to the handler in one piece. */
const notNames: readonly string[] = [
  '..%2f..%2fetc%2fpasswd',
  '..%2F..%2F..%2F..%2F..%2Fetc%2Fpasswd',
  '%2e%2e',
  '..',
  '.',
  '%2e%2e%2f%2e%2e%2fapp.db',
  '..%2fapp.db',
  'x%2f..%2f..%2fapp.db',
  'a%00.db',
  'app.db%00',
  '..%5cx',
  '..%5c..%5capp.db',
  '%252e%252e%252f',
  '..%252fapp.db',
  '%ff',
  '%c0%ae%c0%ae%2fapp.db',
  '%E0%A4%A',
  '%',
  'x.db-wal',
  'x.db-shm',
  'x.db-journal',
  'x.json',
  'metadata%2fx.json',
  'metadata',
  '.state',
  '.state%2foperation.lock',
  '.state%2fvault.json',
  'operation.lock',
  '.tmp-x.db',
  '.x.db',
  '-x.db',
  '_x.db',
  'x..db',
  'x.db.',
  'x.db%20',
  '%20x.db',
  'x%20y.db',
  'x.db%0a',
  'x%0d%0aSet-Cookie:a.db',
  'x%09.db',
  'x%7f.db',
  '%F0%9F%98%80.db',
  'e%CC%81.db',
  '%C3%A9.db',
  '%E2%80%AExcod.db',
  'x%E2%80%8B.db',
  'x%EF%BC%8Fy.db',
  '%2fetc%2fpasswd',
  '%2fetc%2fpasswd.db',
  'file:x.db',
  'file:x.db%3Fmode=rw',
  'file:%2f%2f%2fetc%2fpasswd%3fmode=ro',
  'C:%5cx.db',
  'C:x.db',
  'CON',
  'CON.db',
  'nul.db',
  'com1.x.db',
  'x.DB',
  'x.db::$DATA',
  "x';DROP%20TABLE%20items;--.db",
  'x%3Cscript%3E.db',
  '*.db',
  '~.db',
  'Latest',
  'latest%00',
  '__proto__',
  'constructor',
  `${'x'.repeat(198)}.db`,
  `${'x'.repeat(5_000)}.db`,
];
describe.each(expressVersions)('%s', (_version, express) => {
  it.each(filenameRoutes)(
    '%s refuses whatever is not the name of a backup, and opens nothing',
    async (_name, route) => {
      const app = await startApp({ express });
      await createOne(app);
      const before = contentButAudit(app.folder);
      const operations: unknown[] = [];
      app.service.on('operation', (operation) => operations.push(operation));
      for (const name of notNames) {
        const answer = await sendToFilename(app, route, name);
        expect({ name, status: answer.status }).toEqual({ name, status: 400 });
        problemOf(answer, 400, 'invalid_filename');
        expect(answer.headers['set-cookie']).toBeUndefined();
      }
      expect(operations).toEqual([]);
      expect(contentButAudit(app.folder)).toEqual(before);
    },
  );

  it('a separator that is not encoded leads to no route of the package', async () => {
    const app = await startApp({ express });
    for (const path of ['/download/../../../../etc/passwd', '/download//etc/passwd', '/../../app.db', '/./../app.db']) {
      const answer = await rawRequest(app.origin, 'GET', `/api/backup${path}`, as('DEVELOPER'));
      expect({ path, status: answer.status }).toEqual({ path, status: 404 });
      expect(answer.text).not.toContain('root:');
    }
  });
});
