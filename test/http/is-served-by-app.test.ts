import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { backupRouter } from 'express-db-backup';
import { describe, expect, it } from 'vitest';
import { expressVersions, serve } from '../helpers/http-app.js';
import { openDatabase } from '../helpers/live-database.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { openService } from '../helpers/workspace.js';

const authenticate = (): { id: string; roles: string[] } => ({ id: 'me', roles: ['ADMIN'] });

describe.each(expressVersions)('a vault under %s', (_name, express) => {
  it.each([
    ['served from its own folder', 'web', 'web', undefined, 500],
    ['served from far above', '.', 'web/deep/er', undefined, 500],
    ['served under a prefix', 'web', 'web', '/files', 500],
    ['beside a served folder', 'web/img', 'web/data', undefined, 201],
    ['in an application that serves nothing', null, 'web', undefined, 201],
  ])('%s answers as it must', async (_case, root, place, prefix, status) => {
    const folder = temporaryFolder();
    openDatabase(join(folder, 'app.db'));
    mkdirSync(join(folder, place), { recursive: true });
    if (root !== null) mkdirSync(join(folder, root), { recursive: true });
    const directory = join(folder, place, 'backups');
    const { service } = openService({ database: join(folder, 'app.db'), directory });
    const app = express();
    const router = express.Router();
    if (root !== null) router.use(prefix ?? '/', express.static(join(folder, root)));
    app.use('/api/backup', backupRouter(service, { authenticate }));
    app.use(router);
    const response = await fetch(`${await serve(app)}/api/backup/create`, { method: 'POST' });
    expect(response.status).toBe(status);
    if (status === 500) expect(await response.json()).toMatchObject({ code: 'vault_refused' });
    expect(readdirSync(directory).filter((name) => name.endsWith('.db'))).toHaveLength(status === 201 ? 1 : 0);
    expect(readdirSync(join(directory, 'metadata')).filter((name) => name.startsWith('probe-'))).toEqual([]);
  });
});
