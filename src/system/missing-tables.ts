import { foldCase } from './fold-case.js';

/** Those of the wanted tables that are not among the present ones, whatever the case of their names. */
export function missingTables(wanted: readonly string[], present: readonly string[]): string[] {
  const names = new Set(present.map(foldCase));
  return wanted.filter((name) => !names.has(foldCase(name)));
}
