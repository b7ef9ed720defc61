import { shellQuote } from '../system/shell-quote.js';

/** Something that is wrong, and what mends it. */
export interface Finding {
  /** The check that does not pass. */
  readonly check: string;
  /** `critical`: the application cannot work with this database. `degraded`: it works, but would not survive an accident. */
  readonly severity: 'critical' | 'degraded';
  readonly message: string;
  /** What to run in a terminal. */
  readonly command: string;
}

/** True where a check passes, null where nobody can tell. */
export type Checks = Readonly<Record<string, boolean | null>>;

export interface Assessment {
  readonly checks: Checks;
  readonly findings: readonly Finding[];
}

export const together = (...assessments: readonly Assessment[]): Assessment => ({
  checks: Object.fromEntries(assessments.flatMap(({ checks }) => Object.entries(checks))),
  findings: assessments.flatMap(({ findings }) => findings),
});

const program = 'npx express-db-backup';

/** The commands that findings name. */
export const commands = {
  restore: (name: string) => `${program} restore ${name}`,
  restoreTables: (name: string, tables: readonly string[]) =>
    `${program} restore ${name} --tables ${tables.map(shellQuote).join(' ')}`,
  migrate: `${program} migrate -- <your migration command>`,
  create: `${program} create`,
  verify: (name: string) => `${program} verify ${name}`,
  cleanup: `${program} cleanup`,
  compare: (name: string) => `${program} compare ${name}`,
  list: `${program} list`,
  doctor: `${program} doctor`,
  updateEngine: 'npm install better-sqlite3@12',
} as const;

/** Gathers checks in the order in which they were made. */
export class AssessmentBuilder {
  readonly #checks: [string, boolean | null][] = [];
  readonly #findings: Finding[] = [];

  /** @param finding what is told where the check does not pass */
  check(name: string, passed: boolean | null, finding: Omit<Finding, 'check'>): void {
    this.#checks.push([name, passed]);
    if (passed === false) this.#findings.push({ check: name, ...finding });
  }

  build(): Assessment {
    // fromEntries defines own properties, whatever a table is named.
    return { checks: Object.fromEntries(this.#checks), findings: this.#findings };
  }
}
