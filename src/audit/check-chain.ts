import type { AuditEntry } from '../options/audit-entry.js';
import { hashLine, type Link, origin, parseLine } from './audit-line.js';
import type { OpenTrail } from './open-trail.js';
import { mostAtATime } from './trail-end.js';
import { trailFileName } from './trail-files.js';
import { headName } from './trail-head.js';
import { linesOf } from './trail-lines.js';

export interface AuditProblem {
  /** The file's path in the vault. */
  readonly file: string;
  /** From 1. Of lines that are missing, where the first of them should be. */
  readonly line: number;
  readonly what: 'altered' | 'missing' | 'reordered';
}

export interface AuditCheck {
  readonly ok: boolean;
  /** Lines that were looked at: all of them where there is no problem. */
  readonly entries: number;
  /** The first line with which something is wrong. */
  readonly problem: AuditProblem | null;
  /** The last line. Kept where nobody can change it, it proves later that nothing up to it was changed. */
  readonly last: Link | null;
}

interface Position {
  readonly file: string;
  readonly line: number;
}

/** A line as the chain sees it. */
interface Step extends Position, Link {
  /** Null for what is no entry. */
  readonly entry: AuditEntry | null;
}

/** Walks through every file, in bounded memory, up to the first problem. */
export async function checkChain(trail: OpenTrail): Promise<AuditCheck> {
  const walk = new Walk(trail.head, await beginningOf(trail));
  for await (const step of stepsOf(trail)) {
    walk.take(step);
    if (walk.isDecided) break;
  }
  return walk.end(trail.files.at(-1)?.name ?? trailFileName(0));
}

async function* stepsOf({ files }: OpenTrail): AsyncGenerator<Step> {
  for (const { name, file, size } of files) {
    let line = 0;
    for await (const { bytes, ended } of linesOf(file, size)) {
      const entry = ended ? parseLine(bytes) : null;
      yield { file: name, line: ++line, number: entry?.number ?? 0, sha256: hashLine(bytes), entry };
    }
  }
}

/**
 * What the first line must continue: the newest rotation says where the trail begins since it took the oldest file away.
 * Null where the current file, which tells of it, is gone or begins otherwise; the walk comes to that.
 */
async function beginningOf({ files }: OpenTrail): Promise<Link | null> {
  const newest = files.at(-1);
  if (newest === undefined) return origin;
  if (newest.name !== trailFileName(0)) return null;
  for await (const { bytes } of linesOf(newest.file, newest.size)) {
    const entry = parseLine(bytes);
    if (entry === null) return null;
    return entry.begins ? { number: entry.begins.number - 1, sha256: entry.begins.previous } : origin;
  }
  return origin;
}

class Walk {
  readonly #head: Link | null;
  /** The line before; null where what the first one continues cannot be known. */
  #before: Link | null;
  #last: Step | undefined;
  #atHead: Step | undefined;
  #entries = 0;
  #problem: AuditProblem | undefined;
  /** A line does not continue the one before it: which of the two was altered shows in the next one. */
  #suspects: { readonly before: Position; readonly here: Step } | undefined;
  /** Lines are missing here, unless this one comes later. */
  #missing: { readonly here: Position; readonly number: number } | undefined;

  constructor(head: Link | null, beginning: Link | null) {
    this.#head = head;
    this.#before = beginning;
  }

  get isDecided(): boolean {
    return this.#problem !== undefined;
  }

  take(step: Step): void {
    if (this.#suspects !== undefined) this.#accuse(step.entry?.previous);
    else if (this.#missing !== undefined) this.#seek(step);
    else this.#judge(step);
  }

  /** @param newest name of the newest file there is */
  end(newest: string): AuditCheck {
    if (this.#suspects !== undefined) this.#accuse(this.#head?.sha256);
    if (this.#missing !== undefined) this.#problem ??= problem('missing', this.#missing.here);
    this.#problem ??= this.#compareHead(newest);
    const last = this.#last && { number: this.#last.number, sha256: this.#last.sha256 };
    return {
      ok: this.#problem === undefined,
      entries: this.#entries,
      problem: this.#problem ?? null,
      last: last ?? null,
    };
  }

  #judge(step: Step): void {
    const { entry } = step;
    const before = this.#before;
    if (entry === null) this.#problem = problem('altered', step);
    else if (entry.action === 'gap') this.#problem = problem('missing', step);
    else if (before === null) this.#accept(step);
    else {
      const linked = entry.previous === before.sha256;
      const numbered = entry.number === before.number + 1;
      if (linked && numbered) this.#accept(step);
      else if (linked) this.#problem = problem('altered', step);
      else if (numbered) this.#suspects = { before: this.#last ?? step, here: step };
      else if (entry.number > before.number) this.#missing = { here: step, number: before.number + 1 };
      else this.#problem = problem('reordered', step);
    }
  }

  #accept(step: Step): void {
    this.#entries++;
    this.#before = step;
    this.#last = step;
    if (step.number === this.#head?.number) this.#atHead = step;
  }

  #accuse(previous: string | undefined): void {
    if (this.#suspects === undefined) return;
    const { before, here } = this.#suspects;
    this.#problem ??= problem('altered', previous === here.sha256 ? before : here);
  }

  #seek({ entry }: Step): void {
    if (this.#missing !== undefined && entry?.number === this.#missing.number)
      this.#problem = problem('reordered', this.#missing.here);
  }

  /** Behind the head there may be what one append wrote before it was killed, and no more. */
  #compareHead(newest: string): AuditProblem | undefined {
    const head = this.#head ?? origin;
    const { number, file, line } = this.#last ?? { number: 0, file: newest, line: 0 };
    const atHead = head.number === 0 || this.#atHead?.sha256 === head.sha256;
    if (atHead && number >= head.number && number - head.number <= mostAtATime) return undefined;
    if (this.#head === null) return problem('missing', { file: headName, line: 1 });
    if (number >= head.number) return problem('altered', this.#atHead ?? { file, line });
    return problem('missing', { file: trailFileName(0), line: file === trailFileName(0) ? line + 1 : 1 });
  }
}

const problem = (what: AuditProblem['what'], { file, line }: Position): AuditProblem => ({ file, line, what });
