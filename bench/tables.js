import { backupApiName, copyName } from './contenders.js';
import { probedMiB } from './measure-health.js';
import { medianRatio, summarise } from './statistics.js';

const spread = ({ median, lowest, highest }, show) => `${show(median)} (${show(lowest)} to ${show(highest)})`;
const short = (value) => (Number.isInteger(value) ? `${value}` : value.toFixed(value < 10 ? 2 : 0));
const cell = (results, read, show = short) => spread(summarise(results.map(read)), show);
const inSeconds = (values) => spread(summarise(values), (ms) => (ms / 1000).toFixed(ms < 1_000 ? 3 : 2));
const inMs = (values) => spread(summarise(values), short);
const row = (...cells) => `| ${cells.join(' | ')} |`;
const head = (...titles) => [row(...titles), row('---', ...titles.slice(1).map(() => '---:'))];

export function createsTable({ control, results }) {
  const durationsOf = (wanted) => results.find(({ name }) => name === wanted).durationsMs;
  const others = [copyName, backupApiName];
  return [
    ...head(
      'copy of the live database',
      'x `cp`',
      'x `.backup()`',
      'seconds',
      'longest stall of the host, ms',
      'without waits for a core, ms',
    ),
    ...results.map(({ name, ours, notes, durationsMs, stallsMs, ownStallsMs }) => {
      const ratios = others.map((other) => medianRatio(durationsMs, durationsOf(other)).toFixed(2));
      const label = `${ours ? `**${name}**` : name}${notes === undefined ? '' : ` (${notes})`}`;
      return row(label, ...ratios, inSeconds(durationsMs), inMs(stallsMs), inMs(ownStallsMs));
    }),
    row('nothing (control)', '', '', '', inMs(control.stallsMs), inMs(control.ownStallsMs)),
  ];
}

const loadRows = [
  ['total, seconds', ({ durationMs }) => durationMs / 1000],
  ['commits of the other process in a second', ({ writes }) => writes.commitsPerSecond],
  ['longest commit of the other process, ms', ({ writes }) => writes.longestMs],
  ['longest read of the host, ms', ({ reads }) => reads.longestMs],
  ['failed reads', ({ reads }) => reads.failures],
  ['longest stall of the host, ms', ({ stallMs }) => stallMs],
  ['without waits for a core, ms', ({ ownStallMs }) => ownStallMs],
];

export function loadTable({ control, creates, restores }) {
  const all = [restores, creates, control];
  const rates = all.map((results) => results.map(({ writes }) => writes.commitsPerSecond));
  const ratios = rates.map((rate) => medianRatio(rate, rates.at(-1)).toFixed(2));
  return [
    ...head('while the host reads and another process writes', 'restore', 'create, verified', 'nothing else'),
    row('commits of the other process, x those with nothing else', ...ratios),
    ...loadRows.map(([label, read]) => row(label, ...all.map((results) => cell(results, read)))),
  ];
}

export function memoryTable(memory) {
  const mib = (value) => value.toFixed(1);
  return [
    ...head('resident memory, MiB', 'growth of the host', 'host at most', 'child at most'),
    ...Object.entries(memory).map(([verb, { growthMiB, hostMiB, childMiB }]) =>
      row(verb, mib(growthMiB), mib(hostMiB), mib(childMiB)),
    ),
  ];
}

export function clonesTable(clones) {
  if (clones.reason !== undefined) return [`Copy on write was left out: ${clones.reason}.`];
  return [
    ...head(`copy on write (${clones.fileSystem})`, 'total, ms', 'snapshot phase, ms', 'the log taken in, ms'),
    row(
      '`cp --reflink=always`',
      cell(clones.copies, ({ durationMs }) => durationMs),
      '',
      '',
    ),
    row(
      '**create, not verified**',
      ...['durationMs', 'snapshotMs', 'finishingMs'].map((member) => cell(clones.creates, (create) => create[member])),
    ),
  ];
}

/** One line for each thing that was timed, against the first of them where they are alternatives. */
export function timesTable(title, measured, { compared = false } = {}) {
  const sides = Object.entries(measured);
  const durationsOf = (results) => results.map(({ durationMs }) => durationMs);
  const against = ([, results]) => medianRatio(durationsOf(results), durationsOf(sides[0][1])).toFixed(2);
  return [
    ...head(title, ...(compared ? [`x ${sides[0][0]}`] : []), 'ms', 'longest stall of the host, ms'),
    ...sides.map((side) =>
      row(
        side[0],
        ...(compared ? [against(side)] : []),
        inMs(durationsOf(side[1])),
        cell(side[1], ({ stallMs }) => stallMs),
      ),
    ),
  ];
}

/** Against the first of them. */
export function compareTable(title, measured) {
  const sides = Object.entries(measured);
  const durationsOf = (results) => results.map(({ durationMs }) => durationMs);
  return [
    ...head(title, `x ${sides[0][0]}`, 'seconds', 'memory at most, MiB'),
    ...sides.map(([name, results]) =>
      row(
        name,
        medianRatio(durationsOf(results), durationsOf(sides[0][1])).toFixed(2),
        inSeconds(durationsOf(results)),
        cell(results, ({ childMiB }) => childMiB),
      ),
    ),
  ];
}

export function healthTable(measured) {
  return [
    ...head(
      `requests of the application, with a database of ${probedMiB} MiB that is written to`,
      'p99, ms',
      'median, ms',
      'probes in a second',
    ),
    ...Object.entries(measured).map(([name, results]) =>
      row(
        name,
        cell(results, ({ p99Ms }) => p99Ms),
        cell(results, ({ medianMs }) => medianMs),
        cell(results, (result) => result.probesPerSecond),
      ),
    ),
  ];
}
