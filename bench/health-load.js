import { Agent, get } from 'node:http';

/** Entry of a process that asks at an even pace, and tells how long the answers took, in ms. */
const [, , url, perSecond, seconds] = process.argv;
const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const tickMs = 1;
/** What a process costs that begins is not measured. */
const warmUpMs = 2_000;
const durations = [];
let due = 0;
let isOver = false;

function ask() {
  const startedAt = performance.now();
  get(url, { agent }, (response) => {
    response.resume();
    response.once('end', () => {
      if (startedAt - beganAt >= warmUpMs) durations.push(performance.now() - startedAt);
    });
  }).on('error', (error) => {
    // What is under way at the end is cut off.
    if (!isOver) throw error;
  });
}

const beganAt = performance.now();
const timer = setInterval(() => {
  const elapsedMs = performance.now() - beganAt;
  if (elapsedMs >= seconds * 1_000 + warmUpMs) return end();
  for (; due < (elapsedMs / 1_000) * perSecond; due++) ask();
}, tickMs);

function end() {
  clearInterval(timer);
  isOver = true;
  agent.destroy();
  const sorted = durations.sort((a, b) => a - b);
  const at = (part) => sorted[Math.floor(sorted.length * part)] ?? 0;
  process.send({ requests: sorted.length, medianMs: at(0.5), p99Ms: at(0.99) }, () => process.disconnect());
}
