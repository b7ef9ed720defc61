import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const server = fileURLToPath(new URL('../../example-app/server.js', import.meta.url));

/** Starts the example app on a free port and returns the lines it prints for copying. */
async function startShop(folder: string): Promise<{ lines: string; stop: () => Promise<number | null> }> {
  const env = { ...process.env, PORT: '0', DATABASE: join(folder, 'shop.db'), BACKUPS: join(folder, 'backups') };
  const shop = spawn(process.execPath, [server], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void shop.kill('SIGKILL'));
  let printed = '';
  for await (const chunk of shop.stdout) {
    printed += String(chunk);
    if (printed.includes('# 6. The old data is back\ncurl') && printed.endsWith('\n')) break;
  }
  const stop = async (): Promise<number | null> => {
    const exited = once(shop, 'exit');
    shop.kill('SIGTERM');
    return (await exited)[0] as number | null;
  };
  return { lines: printed.slice(printed.indexOf('# A token')), stop };
}

it('the curl lines that the example app prints lose every order and get them back', async () => {
  const folder = temporaryFolder();
  const { lines, stop } = await startShop(folder);
  const answers = execFileSync('bash', ['-euc', lines], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const [before, created, listed, deleted, lost, verified, restored, after] = answers;
  expect(answers).toHaveLength(8);
  expect(before).toEqual({ orders: 28, items: 56, cents: 57_750 });
  expect(created).toMatchObject({
    backup: { kind: 'manual', createdBy: 'developer@example.com', verification: { ok: true } },
  });
  expect(listed).toMatchObject({ total: 1 });
  expect(deleted).toEqual({ deleted: 28 });
  expect(lost).toEqual({ orders: 0, items: 0, cents: 0 });
  expect(verified).toMatchObject({ ok: true, level: 'full' });
  expect(restored).toMatchObject({ tables: { orders: { before: 0, after: 28 } }, restartRequired: false });
  expect(after).toEqual(before);
  expect(await stop()).toBe(0);
  expect(existsSync(join(folder, 'shop.db-wal'))).toBe(false);
  expect(readdirSync(join(folder, 'backups', '.state', 'instances'))).toEqual([]);
});
