import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { draft } from '../helpers/vault-parts.js';
import { watchVault } from '../helpers/watched-storage.js';

const filename = 'app_backup_2026-01-08_21-00-00.db';
const honest = { ...draft(), version: 1, filename, status: 'completed' };
const withMember = (member: string, json: string): string =>
  JSON.stringify(honest).replace(/^\{/, `{"${member}":${json},`);
const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
const replaced = (member: string, json: string): string =>
  JSON.stringify({ ...honest, [member]: 0 }).replace(`"${member}":0`, `"${member}":${json}`);

/** A vault with one file, and what its list tells when that file's manifest is this text. */
function placed(): (manifest: string) => Promise<unknown> {
  const directory = temporaryFolder();
  mkdirSync(join(directory, 'metadata'));
  writeFileSync(join(directory, filename), 'content');
  const { vault } = watchVault(directory);
  return async (manifest) => {
    writeFileSync(join(directory, 'metadata', filename.replace('.db', '.json')), manifest);
    const [listed, ...others] = await vault.list();
    expect(others).toEqual([]);
    expect(await vault.get(filename)).toEqual(listed);
    JSON.stringify(listed);
    return listed;
  };
}

const asStray = { filename, manifest: false, kind: null, sha256: null, size: 7 };

describe('a manifest', () => {
  it.each([
    ['a member nested 100,000 deep', withMember('future', nested(100_000))],
    ['copies nested 100,000 deep', replaced('copies', nested(100_000))],
    [
      'a verification nested 5,000 deep',
      replaced(
        'verification',
        `{"level":"full","ok":true,"at":null,"problems":[],"durationMs":1,"x":${nested(5_000)}}`,
      ),
    ],
    ['rows that are an array', replaced('tables', '[1,2]')],
    ['negative rows', replaced('tables', '{"items":-1}')],
    ['a size beyond every number', replaced('size', '1e400')],
    ['a size that is a fraction', replaced('size', '1.5')],
    ['the name of another file', replaced('filename', '"app_backup_2026-01-08_21-00-00_2.db"')],
    ['a path as its name', replaced('filename', '"../app_backup_2026-01-08_21-00-00.db"')],
    ['an instant that is none', replaced('createdAt', '"yesterday"')],
    ['a kind that is none', replaced('kind', '"constructor"')],
    ['a digest in capitals', replaced('sha256', JSON.stringify('A'.repeat(64)))],
    ['another version', replaced('version', '2')],
    ['more than 16 MiB', withMember('future', JSON.stringify('x'.repeat(16 * 1024 * 1024)))],
    ['nothing but a number', '1e9'],
    ['nothing but null', 'null'],
    ['nothing but an array', '[]'],
    ['bytes that are no text', '\u0000\ufffd'],
  ])('with %s is not believed, and nothing breaks', async (_what, manifest) => {
    expect(await placed()(manifest)).toMatchObject(asStray);
  });

  it('with any member of another type is not believed, or is believed where the type is right', async () => {
    const listed = placed();
    for (const member of Object.keys(honest)) {
      for (const json of ['null', 'true', '-1', '"x"', '[]', '{}', '[null]', '{"":{}}', '"\\u0000"']) {
        expect(await listed(replaced(member, json)), `${member}: ${json}`).toMatchObject({ filename });
      }
    }
  });

  it.each([
    ['__proto__', '{"pinned":true,"polluted":true}'],
    ['constructor', '{"prototype":{"polluted":true}}'],
  ])('with a member %s changes nothing but itself', async (member, json) => {
    expect(await placed()(withMember(member, json))).toMatchObject({ manifest: true, pinned: false });
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('may tell of a table named __proto__', async () => {
    const listed = (await placed()(replaced('tables', '{"__proto__":3}'))) as { tables: object };
    expect(Object.entries(listed.tables)).toEqual([['__proto__', 3]]);
  });
});
