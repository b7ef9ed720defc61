import { fileURLToPath } from 'node:url';
import { ESLint } from 'eslint';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Lints text as if it stood in the place of a source file, with this project's rules. */
async function lint(text: string): Promise<(string | null)[]> {
  // In CI the parser takes every file from the disk, once; here the text is what counts.
  const parserOptions = { disallowAutomaticSingleRunInference: true };
  const eslint = new ESLint({ cwd: root, overrideConfig: { languageOptions: { parserOptions } } });
  const [result] = await eslint.lintText(text, { filePath: 'src/errors.ts' });
  return (result?.messages ?? []).map(({ ruleId }) => ruleId);
}

const work = 'async function work(): Promise<void> {}\n';

it('a promise that nobody waits for fails the lint', async () => {
  expect(await lint(`${work}work();\n`)).toEqual(['@typescript-eslint/no-floating-promises']);
});

it('a promise where a plain function is expected fails the lint', async () => {
  expect(await lint(`${work}[1].forEach(async () => { await work(); });\nif (work()) { console.log(1); }\n`)).toContain(
    '@typescript-eslint/no-misused-promises',
  );
});

it('a promise that is awaited passes', async () => {
  expect(await lint(`${work}await work();\n`)).toEqual([]);
});
