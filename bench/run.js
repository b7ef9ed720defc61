import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeMachine } from './describe-machine.js';
import { makeDatabase } from './make-database.js';
import { measureCreates } from './measure-creates.js';
import { measureRestores } from './measure-restores.js';
import { parseArguments } from './parse-arguments.js';
import { report } from './report.js';

const { sizeMiB, runs, write } = parseArguments(process.argv.slice(2));
// Not the system's temporary folder, which is often in memory: what a disk costs is part of the answer.
const folder = mkdtempSync(join(process.env.TMPDIR ?? process.cwd(), '.bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

const file = join(folder, 'live.db');
console.log(`Making a database of ${sizeMiB} MiB ...`);
const database = makeDatabase(file, sizeMiB);
try {
  const parts = { file, database, folder, runs, onRun: tell };
  const creates = await measureCreates(parts);
  const restores = await measureRestores(parts);
  const text = report({ sizeMiB, runs, machine: describeMachine(folder), creates, restores });
  console.log(`\n${text}`);
  if (write) writeFileSync(fileURLToPath(new URL('./results.md', import.meta.url)), `# Results of a run\n\n${text}\n`);
} finally {
  database.close();
}

function tell(name, { durationMs, stallMs }) {
  console.log(`${name.padEnd(32)} ${durationMs.toFixed(0).padStart(7)} ms, stall ${stallMs.toFixed(1)} ms`);
}
