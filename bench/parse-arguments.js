import { parseArgs } from 'node:util';

/** What can be measured; the first two, `memory` and `clones` once for each size. */
export const partNames = ['creates', 'load', 'memory', 'clones', 'small', 'list', 'download', 'compare', 'health'];
const defaults = { size: '512', runs: '5', parts: partNames.join() };

/**
 * `--size <MiB>[,<MiB>...] --runs <n> --parts <name>[,<name>...] --write`
 * @returns {{ sizesMiB: number[], runs: number, parts: string[], write: boolean }}
 */
export function parseArguments(argv) {
  const text = (fallback) => ({ type: 'string', default: fallback });
  const { values } = parseArgs({
    args: argv,
    options: {
      size: text(defaults.size),
      runs: text(defaults.runs),
      parts: text(defaults.parts),
      write: { type: 'boolean', default: false },
    },
  });
  return {
    sizesMiB: values.size.split(',').map((size) => wholeNumber('size', size)),
    runs: wholeNumber('runs', values.runs),
    parts: values.parts.split(',').map(knownPart),
    write: values.write,
  };
}

function wholeNumber(name, text) {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`Expected --${name} to be an integer >= 1, got ${text}.`);
  return value;
}

function knownPart(name) {
  if (!partNames.includes(name)) throw new Error(`Expected --parts to be of ${partNames.join(', ')}, got ${name}.`);
  return name;
}
