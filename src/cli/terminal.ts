import { createInterface } from 'node:readline/promises';
import { inspect, stripVTControlCharacters } from 'node:util';
import { BackupError, type Problem, toProblem } from '../errors.js';
import { completeCommands, completedJson } from './complete-commands.js';
import type { GlobalFlags } from './config.js';
import { hintOf } from './hints.js';

type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow';

/** Where a command tells what it did: for people, or one JSON document for a script. */
export class Terminal {
  readonly isJson: boolean;
  readonly #flags: GlobalFlags;
  /** Either stream may lead into a file by itself. */
  readonly #colours: { readonly out: boolean; readonly error: boolean };
  /** Takes away what stands in the last line for the moment. */
  makeWay: () => void = () => undefined;

  constructor(flags: GlobalFlags) {
    this.isJson = flags.json === true;
    this.#flags = flags;
    // https://no-color.org: present and not empty.
    const hasColours = ({ isTTY }: NodeJS.WriteStream): boolean => isTTY === true && !process.env.NO_COLOR;
    this.#colours = { out: hasColours(process.stdout), error: hasColours(process.stderr) };
  }

  /** The outcome: `value` as JSON, or the lines for people. */
  tell(value: object, lines: readonly string[]): void {
    this.makeWay();
    process.stdout.write(
      this.isJson ? `${completedJson(value, this.#flags)}\n` : lines.map((line) => this.#line(line)).join(''),
    );
  }

  /** For people only, while a command still works. */
  note(line: string): void {
    this.makeWay();
    if (!this.isJson) process.stderr.write(this.#line(line));
  }

  /** For whoever looks into a fault; also beside a document for a script. */
  log(error: unknown): void {
    this.makeWay();
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  }

  fail(error: BackupError): void {
    this.makeWay();
    const problem: Problem = { ...toProblem(error), hint: hintOf(error) };
    if (this.isJson) {
      process.stdout.write(`${completedJson(problem, this.#flags)}\n`);
      return;
    }
    const title = this.#colours.error ? styled('red', problem.title) : problem.title;
    const lines = [...`${title}: ${problem.detail}`.split('\n'), problem.hint];
    process.stderr.write(lines.map((line) => this.#line(line)).join(''));
  }

  #line(line: string): string {
    return `${completeCommands(harmless(line), this.#flags)}\n`;
  }

  /** For what goes to standard output. */
  style(style: Style, text: string): string {
    return this.#colours.out ? styled(style, text) : text;
  }

  /** Columns that are as wide as what they hold. */
  table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
    const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => visible(row[column]).length)));
    const format = (cells: readonly string[]): string =>
      cells
        .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - visible(cell).length))
        .join('  ')
        .trimEnd();
    return [this.style('bold', format(head)), ...rows.map(format)];
  }

  /**
   * The phrase as it was given, or typed on a terminal.
   * @throws BackupError `confirmation_required`
   */
  async confirm(given: string | undefined, expected: string, signal: AbortSignal): Promise<void> {
    const typed = given ?? (this.isInteractive ? await ask(`Type "${expected}" to go on: `, signal) : undefined);
    if (typed === expected) return;
    const how = this.isInteractive ? '' : ` Repeat with --confirm "${expected}".`;
    throw new BackupError('confirmation_required', `The confirmation phrase is missing or not exact.${how}`, {
      facts: { expected },
    });
  }

  /** Whether somebody sits there and can answer. */
  get isInteractive(): boolean {
    return !this.isJson && process.stdin.isTTY === true && process.stderr.isTTY === true;
  }
}

/** Whether a stream has colours is asked above; by itself this would ask about standard output. */
const styled = (style: Style, text: string): string => {
  const [begin, end] = inspect.colors[style] ?? [0, 0];
  return `${escapeCharacter}[${begin}m${text}${escapeCharacter}[${end}m`;
};

async function ask(question: string, signal: AbortSignal): Promise<string> {
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const unanswered = new Promise<string>((resolve, reject) => {
      // The reader has the terminal to itself: a Ctrl-C there is a key like others.
      reader.once('SIGINT', () => {
        process.stderr.write('\n');
        reject(interruptedThere());
      });
      // Whoever ends the input instead of answering has not confirmed.
      reader.once('close', () => resolve(''));
    });
    return await Promise.race([reader.question(question, { signal }), unanswered]);
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'AbortError') throw error;
    throw interruptedThere();
  } finally {
    reader.close();
  }
}

const interruptedThere = (): BackupError =>
  new BackupError('operation_cancelled', 'It was interrupted before it was confirmed.');

/** How a style begins or ends. */
const ownStyle = /^\[(?:1|2|22|31|32|33|39)m/;
const escapeCharacter = '\u001b';

/** Names in a database that came from elsewhere command no terminal, and make no lines of their own. */
const harmless = (line: string): string =>
  line.replaceAll(/\p{Cc}/gu, (character, at: number) =>
    character === escapeCharacter && ownStyle.test(line.slice(at + 1, at + 5)) ? character : '?',
  );

const visible = (text: string | undefined): string => stripVTControlCharacters(text ?? '');

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `1.5 MiB` */
export function spellBytes(bytes: number): string {
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  const scaled = bytes / 1024 ** power;
  return `${power === 0 ? scaled : scaled.toFixed(1)} ${units[power]}`;
}

export const spellMs = (ms: number): string => (ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`);
export const spellInstant = (instant: string | null): string =>
  instant === null ? 'never' : `${instant.slice(0, 19).replace('T', ' ')} UTC`;
