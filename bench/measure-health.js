import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { makeDatabase } from './make-database.js';

export const probedMiB = 1_024;
export const probesPerSecond = 1_000;
/** What is asked beside it: Express itself takes what it takes to answer so often. */
const sides = {
  'nothing else': () => null,
  'a route of the application that answers a constant': ({ app }) => `${app}/constant`,
  '**`GET /health` of the application**': ({ app }) => `${app}/health`,
  '**the same on a port of its own**': ({ alone }) => `${alone}/`,
};
const appRequestsPerSecond = 100;
const secondsOfRun = 4;
/** Short ones, and many: what the machine does for a moment is in a few of them, and in no median. */
const roundsOfRun = 5;

const beside = (name) => fileURLToPath(new URL(`./${name}`, import.meta.url));

/** How long the requests of an application take, that writes to a large database, while its health is asked for or not. */
export async function measureHealth({ folder, runs, onRun }) {
  const file = `${folder}/probed.db`;
  makeDatabase(file, probedMiB).close();
  const host = fork(beside('health-host.js'), [file, `${folder}/probed`]);
  try {
    const [origins] = await once(host, 'message');
    const measured = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
    for (let round = 0; round < runs * roundsOfRun; round++) {
      for (const [name, urlOf] of Object.entries(sides)) {
        const result = await measure(origins.app, urlOf(origins));
        measured[name].push(result);
        onRun(name, result);
      }
    }
    return measured;
  } finally {
    host.kill();
  }
}

/** Who asks and who is asked have a process each; so has whoever measures. */
async function measure(app, url) {
  const probing = url === null ? [{ requests: 0 }] : once(load(url, probesPerSecond), 'message');
  const asking = once(load(`${app}/orders`, appRequestsPerSecond), 'message');
  const [[probed], [told]] = await Promise.all([probing, asking]);
  return { ...told, durationMs: told.p99Ms, probesPerSecond: probed.requests / secondsOfRun };
}

const load = (url, perSecond) => fork(beside('health-load.js'), [url, String(perSecond), String(secondsOfRun)]);
