import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeMachine } from './describe-machine.js';
import { makeDatabase } from './make-database.js';
import { measureClones } from './measure-clones.js';
import { measureCompare } from './measure-compare.js';
import { measureCreates } from './measure-creates.js';
import { measureDownload } from './measure-download.js';
import { measureHealth } from './measure-health.js';
import { measureList } from './measure-list.js';
import { measureLoad } from './measure-load.js';
import { measureMemory } from './measure-memory.js';
import { parseArguments } from './parse-arguments.js';
import { report } from './report.js';

const smallSizesMiB = [1, 10, 14];
const { sizesMiB, runs, parts, write } = parseArguments(process.argv.slice(2));
// Not the system's temporary folder, which is often in memory: what a disk costs is part of the answer.
const folder = mkdtempSync(join(process.env.TMPDIR ?? process.cwd(), '.bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

const isWanted = (part) => parts.includes(part);
const bySize = [];
for (const sizeMiB of sizesMiB) bySize.push(await measureSize(sizeMiB));
const small = isWanted('small') && (await inTurn(smallSizesMiB, measureSmall));
const list = isWanted('list') && (await measureList({ folder: place('list'), runs, onRun: tell }));
const download = isWanted('download') && (await measureDownload({ folder: place('download'), runs, onRun: tell }));

const compare = isWanted('compare') && (await measureCompare({ folder: place('compare'), runs, onRun: tell }));
const health = isWanted('health') && (await measureHealth({ folder: place('health'), runs, onRun: tell }));

const text = report({
  runs,
  machine: describeMachine(folder),
  bySize,
  small: small || [],
  list,
  download,
  compare,
  health,
});
console.log(`\n${text}`);
if (write) {
  const limits = readFileSync(beside('limits.md'), 'utf8');
  writeFileSync(beside('results.md'), `# Results of a run\n\n${text}\n\n${limits}`);
}

function beside(name) {
  return fileURLToPath(new URL(`./${name}`, import.meta.url));
}

async function measureSize(sizeMiB) {
  const measured = { sizeMiB };
  await withDatabase(`size-${sizeMiB}`, sizeMiB, async (given) => {
    if (isWanted('creates')) measured.creates = await measureCreates(given);
    if (isWanted('load')) measured.load = await measureLoad(given);
    if (isWanted('memory')) measured.memory = await measureMemory(given);
  });
  if (isWanted('clones'))
    measured.clones = await measureClones({ folder: place('clones'), sizeMiB, runs, onRun: tell });
  return measured;
}

function measureSmall(sizeMiB) {
  return withDatabase(`small-${sizeMiB}`, sizeMiB, async (given) => ({
    sizeMiB,
    creates: await measureCreates(given),
  }));
}

/** Room is given back before the next size needs it. */
async function withDatabase(name, sizeMiB, measure) {
  const own = place(name);
  const file = join(own, 'live.db');
  console.log(`Making a database of ${sizeMiB} MiB ...`);
  const database = makeDatabase(file, sizeMiB);
  try {
    return await measure({ file, database, folder: own, runs, onRun: tell });
  } finally {
    database.close();
    rmSync(own, { recursive: true });
  }
}

function place(name) {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  return path;
}

async function inTurn(items, measure) {
  const results = [];
  for (const item of items) results.push(await measure(item));
  return results;
}

function tell(name, { durationMs, stallMs }) {
  const stall = stallMs === undefined ? '' : `, stall ${stallMs.toFixed(1)} ms`;
  console.log(`${name.padEnd(32)} ${durationMs.toFixed(0).padStart(7)} ms${stall}`);
}
