import { parseArgs } from 'node:util';

const defaults = { sizeMiB: 512, runs: 5 };

/**
 * `--size <MiB> --runs <n> --write`
 * @returns {{ sizeMiB: number, runs: number, write: boolean }}
 */
export function parseArguments(argv) {
  const { values } = parseArgs({
    args: argv,
    options: { size: { type: 'string' }, runs: { type: 'string' }, write: { type: 'boolean', default: false } },
  });
  return {
    sizeMiB: wholeNumber('size', values.size, defaults.sizeMiB),
    runs: wholeNumber('runs', values.runs, defaults.runs),
    write: values.write,
  };
}

function wholeNumber(name, text, fallback) {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`Expected --${name} to be an integer >= 1, got ${text}.`);
  return value;
}
