import Database from 'better-sqlite3';

/** Entry of a process that commits about every millisecond until its host asks how long its longest commit took. */
const database = new Database(process.argv[2], { fileMustExist: true, timeout: 600_000 });
database.pragma('synchronous = NORMAL');
const insert = database.prepare(
  `INSERT INTO orders (customer, status, total, document) VALUES (1, 'written', 1, randomblob(450))`,
);
let longestMs = 0;
let commits = 0;
let failures = 0;
insert.run();
process.send('writing');

const startedAt = performance.now();
const timer = setInterval(() => {
  const startedAt = performance.now();
  try {
    insert.run();
    commits++;
  } catch {
    failures++;
  }
  longestMs = Math.max(longestMs, performance.now() - startedAt);
}, 1);

process.on('message', () => {
  clearInterval(timer);
  database.close();
  process.send({ longestMs, failures, commitsPerSecond: (commits * 1_000) / (performance.now() - startedAt) }, () =>
    process.disconnect(),
  );
});
process.on('disconnect', () => process.exit());
