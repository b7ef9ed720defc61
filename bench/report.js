import { backupApiName, copyName, verifiedName } from './contenders.js';
import { median, medianRatio, summarise } from './statistics.js';

const longestAllowedStallMs = 20;
const slowestAllowedRatio = 2;

const seconds = (ms) => (ms / 1000).toFixed(2);
const spread = ({ median: middle, lowest, highest }, show) => `${show(middle)} (${show(lowest)} to ${show(highest)})`;
const inSeconds = (values) => spread(summarise(values), (ms) => `${seconds(ms)}`);
const inMs = (values) => spread(summarise(values), (ms) => ms.toFixed(ms < 10 ? 1 : 0));

/** The whole result in Markdown. */
export function report({ sizeMiB, runs, machine, creates, restores }) {
  return [
    `Live database of ${sizeMiB} MiB in WAL mode; median of ${runs} interleaved runs, in brackets the lowest and the highest.`,
    'A ratio is the median of the ratios within each round. Machines are shared and noisy: ratios and medians say more than seconds.',
    'A stall without waits for a core leaves out the time in which the host was ready to run and the system had no core for it (Linux).',
    '',
    ...creatingTable(creates),
    '',
    ...restoringTable(restores),
    '',
    ...targets(creates, restores),
    '',
    ...machine.map((line) => `- ${line}`),
  ].join('\n');
}

function creatingTable({ control, results }) {
  const durationsOf = (wanted) => results.find(({ name }) => name === wanted).durationsMs;
  return [
    '| copy of the live database | seconds | x `cp` | x `.backup()` | longest stall of the host, ms | without waits for a core, ms |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...results.map(({ name, ours, notes, durationsMs, stallsMs, ownStallsMs }) => {
      const ratios = [copyName, backupApiName].map((other) => medianRatio(durationsMs, durationsOf(other)).toFixed(2));
      const label = `${ours ? `**${name}**` : name}${notes === undefined ? '' : ` (${notes})`}`;
      return `| ${label} | ${inSeconds(durationsMs)} | ${ratios.join(' | ')} | ${inMs(stallsMs)} | ${inMs(ownStallsMs)} |`;
    }),
    `| nothing (control) | | | | ${inMs(control.stallsMs)} | ${inMs(control.ownStallsMs)} |`,
  ];
}

const restoreRows = [
  ['total, seconds', ({ durationMs }) => durationMs / 1000],
  ['longest read of the host, ms', ({ reads }) => reads.longestMs],
  ['failed reads', ({ reads }) => reads.failures],
  ['longest stall of the host, ms', ({ stallMs }) => stallMs],
  ['without waits for a core, ms', ({ ownStallMs }) => ownStallMs],
  ['longest commit of the other process, ms', ({ writes }) => writes.longestMs],
];

function restoringTable({ control, restores }) {
  const show = (value) => (Number.isInteger(value) ? `${value}` : value.toFixed(value < 10 ? 2 : 0));
  const cell = (rounds, read) => spread(summarise(rounds.map(read)), show);
  return [
    '| live restore, while the host reads and another process writes | restore | the same load alone |',
    '| --- | ---: | ---: |',
    ...restoreRows.map(([label, read]) => `| ${label} | ${cell(restores, read)} | ${cell(control, read)} |`),
  ];
}

function targets({ results }, { restores }) {
  const ours = results.filter((result) => result.ours);
  const verified = ours.find(({ name }) => name === verifiedName);
  const api = results.find(({ name }) => name === backupApiName);
  const failedReads = restores.reduce((sum, { reads }) => sum + reads.failures, 0);
  const ratio = medianRatio(verified.durationsMs, api.durationsMs);
  const stalls = Math.max(...ours.map(({ stallsMs }) => median(stallsMs)));
  const ownStalls = Math.max(...ours.map(({ ownStallsMs }) => median(ownStallsMs)));
  const restoreStall = median(restores.map(({ stallMs }) => stallMs));
  const ownRestoreStall = median(restores.map(({ ownStallMs }) => ownStallMs));
  return [
    target(`stall in a create at most ${longestAllowedStallMs} ms`, stalls, longestAllowedStallMs),
    target(`the same without waits for a core at most ${longestAllowedStallMs} ms`, ownStalls, longestAllowedStallMs),
    target(`stall in a restore at most ${longestAllowedStallMs} ms`, restoreStall, longestAllowedStallMs),
    target(
      `the same without waits for a core at most ${longestAllowedStallMs} ms`,
      ownRestoreStall,
      longestAllowedStallMs,
    ),
    target(`verified create at most ${slowestAllowedRatio} x unverified \`.backup()\``, ratio, slowestAllowedRatio),
    target('no failed read in any restore', failedReads, 0),
  ];
}

function target(label, value, limit) {
  const shown = Number.isInteger(value) ? value : value.toFixed(2);
  return `- ${value <= limit ? 'met' : '**missed**'}: ${label} (${shown})`;
}
