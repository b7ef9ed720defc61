import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Reporter, TestCase, TestModule } from 'vitest/node';
import { tallyKinds } from '../helpers/faults/tally.js';

const readmeFile = fileURLToPath(new URL('../../README.md', import.meta.url));
const table = /(<!-- npm run test:faults -->\n)[\s\S]*?(<!-- end -->)/;

/**
 * Prints what the suites tried and what they had to leave out. A run in which every suite took part and passed writes
 * its figures into the README when RECORD is set.
 */
export default class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const tried = sum(tests.filter((test) => test.result().state === 'passed'));
    const lines = ['| tried | times | lost or broken |', '| --- | ---: | ---: |'];
    for (const kind of tallyKinds) lines.push(`| ${kind} | ${(tried[kind] ?? 0).toLocaleString('en')} | 0 |`);
    console.log(`\n${lines.join('\n')}\n`);
    const leftOut = tests.filter((test) => test.result().state === 'skipped').map(({ fullName }) => fullName);
    const failed = tests.filter((test) => test.result().state === 'failed').length;
    if (failed > 0) console.log(`The table counts tests that passed; ${failed} did not.`);
    if (leftOut.length > 0)
      console.log(
        `Left out, for want of strace, root, mounts or prlimit: ${leftOut.length}\n  ${leftOut.join('\n  ')}`,
      );
    if (process.env.RECORD !== undefined) record(lines, failed === 0 && tallyKinds.every((kind) => kind in tried));
  }
}

function sum(tests: readonly TestCase[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const test of tests) {
    for (const [kind, tried] of Object.entries(test.meta().tally ?? {})) total[kind] = (total[kind] ?? 0) + tried;
  }
  return total;
}

function record(lines: readonly string[], isWhole: boolean): void {
  if (!isWhole) throw new Error('Only a whole run without failures is recorded.');
  const readme = readFileSync(readmeFile, 'utf8');
  writeFileSync(readmeFile, readme.replace(table, `$1\n${lines.join('\n')}\n\n$2`));
}
