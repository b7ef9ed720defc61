import { spawnSync } from 'node:child_process';
import { cpus, loadavg, totalmem, type } from 'node:os';
import Database from 'better-sqlite3';

const gibibyte = 1024 ** 3;

/** What the numbers depend on, one line each. */
export function describeMachine(folder) {
  const [cpu] = cpus();
  return [
    `${cpu?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, ${Math.round(totalmem() / gibibyte)} GiB of memory`,
    `${type()}, ${fileSystem(folder)}, load average ${loadavg()[0].toFixed(1)} at the end`,
    `Node ${process.version}, ${packages()}, sqlite3 command ${output('sqlite3', ['--version']).split(' ')[0] || 'not installed'}`,
  ];
}

function packages() {
  const database = new Database(':memory:');
  const sqlite = database.prepare('SELECT sqlite_version()').pluck().get();
  database.close();
  return `better-sqlite3 ${installed('better-sqlite3')} (SQLite ${sqlite})`;
}

function installed(name) {
  return JSON.parse(output(process.execPath, ['-p', `JSON.stringify(require('${name}/package.json').version)`]));
}

function fileSystem(folder) {
  return (
    output('df', ['--output=fstype,source', folder]).split('\n')[1]?.replace(/\s+/, ' on ') ?? 'unknown file system'
  );
}

function output(command, args) {
  return spawnSync(command, args, { encoding: 'utf8' }).stdout?.trim() ?? '';
}
