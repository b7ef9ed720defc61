import type { CheckOutcome, VerificationReport } from './database-content.js';

/** Collects the outcome of each check, so that one answer tells all that was found. */
export class ReportBuilder {
  readonly #checks: Record<string, CheckOutcome> = {};
  readonly #problems: string[] = [];
  readonly #warnings: string[] = [];

  check(name: string, passed: boolean, problem: string): void {
    if (passed) this.#checks[name] = 'passed';
    else this.fail(name, problem);
  }

  fail(name: string, ...problems: string[]): void {
    this.#checks[name] = 'failed';
    this.#problems.push(...problems);
  }

  warn(name: string, ...warnings: string[]): void {
    this.#checks[name] = 'warning';
    this.#warnings.push(...warnings);
  }

  skip(...names: string[]): void {
    for (const name of names) this.#checks[name] ??= 'skipped';
  }

  get ok(): boolean {
    return this.#problems.length === 0;
  }

  build(): VerificationReport {
    return { ok: this.ok, checks: { ...this.#checks }, problems: [...this.#problems], warnings: [...this.#warnings] };
  }
}
