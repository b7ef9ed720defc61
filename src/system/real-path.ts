import { readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { systemCode } from '../errors.js';

/**
 * Where a path leads, whether or not there is a file at its end: the same file is the same path, by whatever link it
 * is reached. Opens nothing.
 */
export function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    // Links that lead in a circle have no end to follow them to.
    const target = systemCode(error) === 'ELOOP' ? undefined : linkTarget(path);
    if (target !== undefined) return realPath(target);
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), basename(path));
  }
}

function linkTarget(path: string): string | undefined {
  try {
    return resolve(dirname(path), readlinkSync(path));
  } catch {
    return undefined; // It is no link; what else is wrong with it shows when it is used.
  }
}
