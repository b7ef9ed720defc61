import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  describeError,
  saysBusy,
  saysDamaged,
} from '../../../../../dist/engines/sqlite/child/database/describe-error.js';
import { BackupError } from '../../../../../dist/errors.js';

const fault = (code: string): Error => Object.assign(new Error('as it was said'), { code });

describe('a fault of SQLite or of the file system has the code that says what to do', () => {
  it.each([
    ['SQLITE_BUSY', 'database_busy'],
    ['SQLITE_BUSY_SNAPSHOT', 'database_busy'],
    ['SQLITE_LOCKED_SHAREDCACHE', 'database_busy'],
    ['SQLITE_PROTOCOL', 'database_busy'],
    ['SQLITE_CORRUPT', 'source_damaged'],
    ['SQLITE_CORRUPT_INDEX', 'source_damaged'],
    ['SQLITE_NOTADB', 'source_damaged'],
    ['SQLITE_FORMAT', 'source_damaged'],
    ['SQLITE_FULL', 'insufficient_storage'],
    ['SQLITE_IOERR_SHMSIZE', 'insufficient_storage'],
    ['ENOSPC', 'insufficient_storage'],
    ['EDQUOT', 'insufficient_storage'],
    ['EFBIG', 'insufficient_storage'],
    ['SQLITE_IOERR_READ', 'internal_error'],
    ['SQLITE_ERROR', 'internal_error'],
    ['EACCES', 'internal_error'],
  ])('%s is %s', (code, expected) => {
    expect(describeError(fault(code)).code).toBe(expected);
  });
});

it('what nothing above can act on keeps its message and its code', () => {
  expect(describeError(fault('EIO'))).toEqual({ code: 'internal_error', detail: 'as it was said (EIO)', facts: {} });
  expect(describeError(new Error('bare')).detail).toBe('bare (no code)');
  expect(describeError('thrown text')).toEqual({ code: 'internal_error', detail: 'thrown text (no code)', facts: {} });
});

it('a damaged file is told in the words of SQLite', () => {
  expect(describeError(fault('SQLITE_CORRUPT')).detail).toBe('SQLite says: as it was said.');
});

it('an error of our own crosses over with its code, message and facts', () => {
  const error = new BackupError('source_damaged', 'Page 7.', { facts: { problems: ['Page 7.'] } });
  expect(describeError(error)).toEqual({ code: 'source_damaged', detail: 'Page 7.', facts: { problems: ['Page 7.'] } });
});

it('busy and damaged are told apart', () => {
  expect([saysBusy(fault('SQLITE_BUSY')), saysDamaged(fault('SQLITE_BUSY'))]).toEqual([true, false]);
  expect([saysBusy(fault('SQLITE_NOTADB')), saysDamaged(fault('SQLITE_NOTADB'))]).toEqual([false, true]);
  expect([saysBusy(new Error('bare')), saysDamaged(undefined)]).toEqual([false, false]);
});

describe.runIf(existsSync('/proc/version'))('an index of a log that cannot grow', () => {
  const cannotGrow = fault('SQLITE_IOERR_SHMSIZE');

  it('is no full disk while there is room beside the live file', () => {
    expect(describeError(cannotGrow, '/dev/null').code).toBe('internal_error');
  });

  it.each([
    ['on a file system without room', '/proc/version'],
    ['where the live file is gone', '/proc/none'],
  ])('is one %s', (_where, live) => {
    expect(describeError(cannotGrow, live).code).toBe('insufficient_storage');
  });
});
