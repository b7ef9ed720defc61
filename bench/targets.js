import { backupApiName, copyName, unverifiedName, verifiedName } from './contenders.js';
import { probesPerSecond } from './measure-health.js';
import { listedBackups } from './measure-list.js';
import { median, medianRatio } from './statistics.js';

const longestStallMs = (sizeMiB) => (sizeMiB < 4096 ? 20 : 50);
/** A larger stall of a run in which the machine had no core for the host says nothing of the host. */
const stallOf = (results) => median(results.map(({ ownStallMs }) => ownStallMs));

export function createTargets({ results }, sizeMiB) {
  const find = (wanted) => results.find(({ name }) => name === wanted);
  const others = results.filter(({ name, ours }) => !ours && name !== copyName);
  // The results come sorted by their median.
  const [fastest] = others;
  const ratio = (name, other) => medianRatio(find(name).durationsMs, other.durationsMs);
  const stalls = results.filter(({ ours }) => ours).map(({ ownStallsMs }) => median(ownStallsMs));
  return [
    target('unverified create, x `cp`', ratio(unverifiedName, find(copyName)), 2),
    target(`unverified create, x the fastest other (${fastest.name})`, ratio(unverifiedName, fastest), 0.6),
    target(`verified create, x the fastest other (${fastest.name})`, ratio(verifiedName, fastest), 1),
    target('stall in a create, ms', Math.max(...stalls), longestStallMs(sizeMiB)),
  ];
}

export function loadTargets({ creates, restores }, sizeMiB) {
  return [
    target('stall in a restore under load, ms', stallOf(restores), longestStallMs(sizeMiB)),
    target('stall in a create under load, ms', stallOf(creates), longestStallMs(sizeMiB)),
    target(
      'failed reads in all restores',
      restores.reduce((sum, { reads }) => sum + reads.failures, 0),
      0,
    ),
  ];
}

export const memoryTargets = (memory) => [
  target('growth of the host, MiB', Math.max(...Object.values(memory).map(({ growthMiB }) => growthMiB)), 32),
];

export const clonesTargets = (clones) =>
  clones.reason === undefined
    ? [target('snapshot phase on copy on write, ms', median(clones.creates.map(({ snapshotMs }) => snapshotMs)), 50)]
    : [];

/** Only the size of an ordinary small application has a target. */
export const targetedSmallMiB = 14;

export function smallTargets({ results }) {
  const durationsOf = (wanted) => results.find(({ name }) => name === wanted).durationsMs;
  return [unverifiedName, verifiedName].map((name) =>
    target(
      `${name}, x ${backupApiName}, ${targetedSmallMiB} MiB`,
      medianRatio(durationsOf(name), durationsOf(backupApiName)),
      1.5,
    ),
  );
}

export function listTargets(list) {
  return Object.entries(list).flatMap(([kind, results]) => [
    target(
      `${kind}, of ${listedBackups} backups, ms`,
      median(results.map(({ durationMs }) => durationMs)),
      kind.endsWith('warm') ? 50 : 500,
    ),
    target(`stall in it, ms`, stallOf(results), longestStallMs(0)),
  ]);
}

export const compareTargets = ({ '**compare**': results }) => [
  target('memory of a comparison, MiB', Math.max(...results.map(({ childMiB }) => childMiB)), 200),
];

/** Of the same round, so that what slows a whole round cancels out. */
export const healthTargets = (measured) => {
  const [quiet, constant, mounted, alone] = Object.values(measured);
  const rise = (to, from) => median(to.map(({ p99Ms }, round) => p99Ms - from[round].p99Ms));
  const what = `what ${probesPerSecond} probes a second add to the p99 of the application, ms`;
  return [
    target(`${what}, on a port of their own`, rise(alone, quiet), 2),
    target(`${what}, in the application`, rise(mounted, quiet), 2),
    target(`${what}, in the application, to that of as many answers of a constant`, rise(mounted, constant), 2),
  ];
};

function target(label, value, limit) {
  const shown = Number.isInteger(value) ? value : value.toFixed(2);
  return `- ${value <= limit ? 'met' : '**missed**'}: ${label}: ${shown}, at most ${limit}`;
}
