import type { z } from 'zod';
import { BackupError } from '../errors.js';

/**
 * Parses options at creation, so that a mistake stops the application where it was made.
 * The caller's object is read, never changed. What was got for an option in `secrets` is not repeated.
 * @throws BackupError `invalid_options`: what was expected, and what was got
 */
export function parseOptions<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
  name: string,
  secrets: readonly string[] = [],
): z.output<Schema> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const lines = flatten(parsed.error.issues).map((issue) => describeIssue(issue, input, name, secrets));
  throw new BackupError('invalid_options', lines.join(' '));
}

type Issue = z.core.$ZodIssue;

/** A union reports one nested list per member; the member that got furthest explains the mistake best. */
function flatten(issues: readonly Issue[]): Issue[] {
  return issues.flatMap((issue) => {
    if (issue.code !== 'invalid_union') return [issue];
    const members = issue.errors.filter((member) => member.some(saysMore));
    if (members[0] === undefined) return [issue];
    return flatten(members[0]).map((nested) => ({ ...nested, path: [...issue.path, ...nested.path] }));
  });
}

const saysMore = ({ path, code }: Issue): boolean => path.length > 0 || code === 'unrecognized_keys';

function describeIssue(issue: Issue, input: unknown, name: string, secrets: readonly string[]): string {
  if (issue.code === 'unrecognized_keys') {
    const at = issue.path.length > 0 ? ` in \`${issue.path.join('.')}\`` : '';
    return `Unknown option ${issue.keys.map((key) => `\`${key}\``).join(', ')}${at} of ${name}.`;
  }
  const path = issue.path.length > 0 ? `\`${issue.path.join('.')}\`` : `the options of ${name}`;
  const longest = secrets.includes(String(issue.path[0])) ? 0 : longestShown;
  return `Expected ${path} to be ${expectation(issue)}, got ${show(valueAt(input, issue.path), longest)}.`;
}

function expectation(issue: Issue): string {
  switch (issue.code) {
    case 'too_small':
      return issue.origin === 'string' ? `at least ${issue.minimum} characters long` : `>= ${issue.minimum}`;
    case 'too_big':
      return issue.origin === 'string' ? `at most ${issue.maximum} characters long` : `<= ${issue.maximum}`;
    case 'invalid_value':
      return `one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'invalid_type':
      return issue.expected === 'int' ? 'an integer' : withArticle(issue.expected);
    default:
      return issue.message;
  }
}

const withArticle = (noun: string): string => `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`;

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

const longestShown = 60;

/** Says what was got without repeating what may be a secret or a whole object. */
function show(value: unknown, longest: number): string {
  if (typeof value === 'string')
    return value.length > longest ? `a string of ${value.length} characters` : JSON.stringify(value);
  if (value === null || ['undefined', 'number', 'boolean', 'bigint'].includes(typeof value)) return String(value);
  return Array.isArray(value) ? 'an array' : withArticle(typeof value);
}
