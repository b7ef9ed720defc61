/** The statement that made a virtual table, as far as it can be understood. */
interface VirtualTable {
  /** In lower case. */
  readonly module: string;
  /** Each as it was written, without comments. */
  readonly options: readonly string[];
}

/** What is not closed ends with the statement; each alternative goes on where the last one ended, so nothing is read twice. */
const token =
  /--[^\n]*|\/\*.*?(?:\*\/|$)|'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|`(?:[^`]|``)*(?:`|$)|\[[^\]]*(?:\]|$)|\s+|[^\s'"`[(),=/-]+|./gs;
const isComment = (part: string): boolean => part.startsWith('--') || part.startsWith('/*');

/** Null for what is no such statement. */
export function readVirtualTable(sql: string): VirtualTable | null {
  const parts = (sql.match(token) ?? []).map((part) => (isComment(part) ? ' ' : part));
  const using = parts.findIndex((part) => part.toLowerCase() === 'using');
  const rest = parts.slice(using + 1);
  const module = rest.findIndex((part) => part.trim() !== '');
  if (using === -1 || module === -1) return null;
  return { module: unquote(rest[module] ?? '').toLowerCase(), options: splitOptions(rest.slice(module + 1)) };
}

/** At the commas that stand in no other parentheses than those of the module. */
function splitOptions(parts: readonly string[]): string[] {
  const options = [''];
  let depth = 0;
  for (const part of parts) {
    if (part === ')') depth--;
    if (part === ',' && depth === 1) options.push('');
    else if (depth > 0) options[options.length - 1] += part;
    if (part === '(') depth++;
  }
  return options.map((option) => option.trim());
}

const quotes: Readonly<Record<string, string>> = { "'": "'", '"': '"', '`': '`', '[': ']' };

/** A name or a text as SQLite takes it. */
export function unquote(written: string): string {
  const close = quotes[written.charAt(0)];
  if (close === undefined) return written;
  const inner = written.slice(1, written.endsWith(close) && written.length > 1 ? -1 : undefined);
  return close === ']' ? inner : inner.replaceAll(close + close, close);
}
