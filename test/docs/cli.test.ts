import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { errorTable } from 'express-db-backup';
import { describe, expect, it } from 'vitest';
import { healthCodes } from '../../dist/cli/commands/health.js';
import { createProgram } from '../../dist/cli/program.js';

const page = readFileSync(fileURLToPath(new URL('../../docs/cli.md', import.meta.url)), 'utf8');
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) => line.slice(2, -2).split(' | '));

describe('the page of the command', () => {
  it('names every command with its flags', () => {
    const globals = ['--config', '--database', '--directory', '--json'];
    const documented = new Map(
      rows.flatMap(([usage = '']) => {
        const [, name = '', rest = ''] = /^`([a-z]+)(.*)`$/.exec(usage) ?? [];
        return name === '' ? [] : [[name, rest.match(/--[a-z0-9-]+/g) ?? []] as const];
      }),
    );
    const commands = createProgram().commands.map((command) => {
      const flags = command.options.map(({ long }) => String(long)).filter((long) => !globals.includes(long));
      return [command.name(), flags.sort()] as const;
    });
    expect(Object.fromEntries([...documented].map(([name, flags]) => [name, [...flags].sort()]))).toEqual(
      Object.fromEntries(commands),
    );
    for (const flag of globals) expect(page).toContain(`\`${flag}`);
  });

  it('names every exit code', () => {
    const documented = rows.flatMap(([code = '']) => (/^\d+$/.test(code) ? [Number(code)] : []));
    const used = new Set([
      0,
      129,
      130,
      143,
      ...Object.values(healthCodes),
      ...Object.values(errorTable).map(({ exitCode }) => exitCode),
    ]);
    expect(documented).toEqual([...used].sort((a, b) => a - b));
  });
});
