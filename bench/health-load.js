import { connect } from 'node:net';

/**
 * Entry of a process that asks at an even pace, and tells how long the answers took, in ms. It writes its requests to the
 * socket itself: a client that costs more than the server would be what is measured, on two cores.
 */
const [, , url, perSecond, seconds] = process.argv;
const { hostname, port, pathname } = new URL(url);
const request = `GET ${pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`;
/** What a process costs that begins is not measured. */
const warmUpMs = 1_000;
const durations = [];
const idle = [];
let due = 0;

function open() {
  const socket = connect({ port, host: hostname, noDelay: true });
  const connection = { socket, startedAt: 0, received: '' };
  socket.on('data', (chunk) => {
    connection.received += chunk.toString('latin1');
    if (isWhole(connection.received)) answered(connection);
  });
  return connection;
}

function isWhole(received) {
  const end = received.indexOf('\r\n\r\n');
  const length = /\r\ncontent-length: (\d+)/i.exec(received)?.[1];
  return end > 0 && received.length - end - 4 === Number(length);
}

function answered(connection) {
  if (!/^HTTP\/1.1 200 /.test(connection.received)) throw new Error(connection.received);
  if (connection.startedAt - beganAt >= warmUpMs) durations.push(performance.now() - connection.startedAt);
  connection.received = '';
  idle.push(connection);
}

function ask() {
  const connection = idle.pop() ?? open();
  connection.startedAt = performance.now();
  connection.socket.write(request);
}

const beganAt = performance.now();
setInterval(() => {
  const elapsedMs = performance.now() - beganAt;
  if (elapsedMs >= seconds * 1_000 + warmUpMs) return tell();
  for (; due < (elapsedMs / 1_000) * perSecond; due++) ask();
}, 1_000 / perSecond);

function tell() {
  const sorted = durations.sort((a, b) => a - b);
  const at = (part) => sorted[Math.floor(sorted.length * part)] ?? 0;
  process.send({ requests: sorted.length, medianMs: at(0.5), p99Ms: at(0.99) }, () => process.exit());
}
