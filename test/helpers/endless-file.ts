import Database from 'better-sqlite3';

/** A file of a few kilobytes whose check takes an hour: its index looks for 4 MB of text in 10 MB of text that almost match. */
export function makeEndlessFile(file: string): void {
  const database = new Database(file);
  database.unsafeMode(true);
  const search = (haystack: number, needle: number): string =>
    `instr(hex(zeroblob(${haystack})), hex(zeroblob(${needle})) || value)`;
  database.exec(`CREATE TABLE items (id); CREATE TABLE trap (value TEXT); INSERT INTO trap VALUES ('x');
    CREATE INDEX endless ON trap (${search(5, 2)})`);
  database.pragma('writable_schema = ON');
  database
    .prepare("UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE name = 'endless'")
    .run(search(5, 2), search(5_000_000, 2_000_000));
  database.close();
}
