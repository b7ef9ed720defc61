import { backupRouter, createBackupService, healthRouter, maintenanceGate, sqlite } from 'express-db-backup';
import { describe, expect, it } from 'vitest';
import { routerDefaults } from '../../dist/options/router-options.js';
import { serviceDefaults } from '../../dist/options/service-options.js';

const valid = { database: '/tmp/none/app.db', directory: '/tmp/none/backups' };
const create = (change: object): unknown => createBackupService({ ...valid, ...change } as typeof valid);

const doNothing = (): void => undefined;

describe('the options of the service', () => {
  it.each([
    [{ database: undefined }, /`database`.*path of a database file/],
    [{ database: ':memory:' }, /`database`.*path of a database file.*got ":memory:"/],
    [{ database: 'file:app.db' }, /`database`/],
    [{ database: '' }, /`database`/],
    [{ database: 5 }, /`database`.*got 5/],
    [{ directory: undefined }, /Expected `directory` to be a string, got undefined/],
    [{ directory: '' }, /Expected `directory` to be at least 1 characters long, got ""/],
    [{ prefix: '../x' }, /`prefix`/],
    [{ prefix: '.hidden' }, /`prefix`/],
    [{ prefix: 'con.app' }, /`prefix`.*no device of Windows/],
    [{ retention: { keep: 0 } }, /Expected `retention.keep` to be >= 1, got 0/],
    [{ retention: { keep: -1 } }, /Expected `retention.keep` to be >= 1, got -1/],
    [{ retention: { keep: 1.5 } }, /Expected `retention.keep` to be an integer, got 1.5/],
    [{ retention: { keep: Number.NaN } }, /`retention.keep`.*got NaN/],
    [{ retention: { keep: 1e9 } }, /Expected `retention.keep` to be <= 100000, got 1000000000/],
    [{ retention: { keep: '3; rm' } }, /Expected `retention.keep` to be a number, got "3; rm"/],
    [{ retention: { safety: { keep: 0 } } }, /Expected `retention.safety.keep` to be >= 1, got 0/],
    [{ retention: { keeep: 3 } }, /Unknown option `keeep` in `retention` of createBackupService/],
    [{ limits: { operationMs: 2 ** 31 } }, /Expected `limits.operationMs` to be <= 2147483647, got 2147483648/],
    [{ limits: { uploadBytes: 0 } }, /Expected `limits.uploadBytes` to be >= 1, got 0/],
    [{ verifyOnCreate: 'maybe' }, /Expected `verifyOnCreate` to be one of "none", "quick", "full", got "maybe"/],
    [{ requiredTables: 'users' }, /Expected `requiredTables` to be an array, got "users"/],
    [{ connection: {} }, /`connection.close` to be a function, got undefined.*`connection.reopen`/],
    [
      { connection: { close: doNothing, reopen: 'open()' } },
      /Expected `connection.reopen` to be a function, got "open\(\)"/,
    ],
    [{ connection: { close: doNothing, reopen: doNothing, ping: 3 } }, /Unknown option `ping` in `connection`/],
    [{ encryption: true }, /Unknown option `encryption` of createBackupService/],
    [{ retention: { daily: 0 } }, /Expected `retention.daily` to be/],
    [{ retention: { safety: {} } }, /Expected `retention.safety` to be at least one of keep, hourly/],
    [{ retention: { minAge: 'a week' } }, /Expected `retention.minAge` to be a duration such as/],
    [{ schedule: { every: '24' } }, /Expected `schedule/],
    [{ verifyEvery: { every: '7d', level: 'deep' } }, /Expected `verifyEvery/],
    [{ metrics: 5 }, /Expected `metrics` to be a registry of prom-client, such as its `register`.*got 5/],
    [{ metrics: { Registry: doNothing } }, /`metrics.registry`.*a registry of prom-client.*got undefined/],
    [{ metrics: { registry: { registerMetric: doNothing } } }, /`metrics.registry`.*got an object/],
    [{ logger: null }, /Expected `logger` to be a logger with debug, info, warn and error, such as pino\(\), got null/],
    [{ logger: { info: doNothing, warn: doNothing, error: doNothing } }, /`logger`.*got an object/],
    [{ audit: true }, /Expected `audit` to be false, or an object such as/],
    [{ audit: { maxBytes: 1 } }, /Expected `audit.maxBytes` to be >= 16384, got 1/],
    [{ audit: { maxFiles: 1 } }, /Expected `audit.maxFiles` to be >= 2, got 1/],
    [{ audit: { onAudit: 'x' } }, /Expected `audit.onAudit` to be a function, got "x"/],
    [{ audit: { keep: 1 } }, /Unknown option `keep` in `audit`/],
    [{ retenton: {} }, /Unknown option `retenton` of createBackupService/],
  ])('that do not fit throw at creation and say what was got: %j', (change, message) => {
    expect(() => create(change)).toThrow(
      expect.objectContaining({ code: 'invalid_options', message: expect.stringMatching(message) }),
    );
  });

  it('are not changed', () => {
    const options = Object.freeze({ ...valid, retention: Object.freeze({ keep: 3 }) });
    createBackupService(options);
    expect(options).toEqual({ ...valid, retention: { keep: 3 } });
  });

  it('have the defaults that are documented', () => {
    expect(serviceDefaults).toEqual({
      uploadBytes: 1024 ** 3,
      operationMs: 600_000,
      restoreWaitMs: 10_000,
      verifyOnCreate: 'quick',
    });
  });
});

describe('the options of the router', () => {
  const service = createBackupService(valid);
  const nobody = (): null => null;
  it.each([
    [undefined, /authenticate|options of backupRouter/],
    [{}, /`authenticate`.*a router without authentication would give the database to anyone/],
    [{ authenticate: null }, /`authenticate`/],
    [{ authenticate: 'jwt' }, /`authenticate`.*got "jwt"/],
    [
      { authenticate: nobody, permissions: { destroy: ['X'] } },
      /Unknown option `destroy` in `permissions` of backupRouter/,
    ],
    [
      { authenticate: nobody, permissions: { restore: 'DEVELOPER' } },
      /Expected `permissions.restore` to be an array, got "DEVELOPER"/,
    ],
    [{ authenticate: nobody, confirmationPhrase: '' }, /`confirmationPhrase`/],
    [{ authenticate: nobody, rateLimit: true }, /Expected `rateLimit` to be `false`, or an object.*, got true/],
    [{ authenticate: nobody, rateLimit: { list: false } }, /Unknown option `list` in `rateLimit` of backupRouter/],
    [
      { authenticate: nobody, rateLimit: { create: 10 } },
      /Expected `rateLimit.create` to be `false`, or an object.*, got 10/,
    ],
    [
      { authenticate: nobody, rateLimit: { create: { limit: 0 } } },
      /Expected `rateLimit.create.limit` to be >= 1, got 0/,
    ],
    [
      { authenticate: nobody, rateLimit: { create: { limit: 1, windowMs: 10 } } },
      /Expected `rateLimit.create.windowMs` to be >= 1000, got 10/,
    ],
    [
      { authenticate: nobody, rateLimit: { create: { max: 1 } } },
      /Unknown option `max` in `rateLimit.create` of backupRouter/,
    ],
  ])('that do not fit throw at creation: %j', (options, message) => {
    expect(() => backupRouter(service, options as unknown as Parameters<typeof backupRouter>[1])).toThrow(
      expect.objectContaining({ code: 'invalid_options', message: expect.stringMatching(message) }),
    );
  });

  it('have the default roles of the contract', () => {
    expect(routerDefaults.permissions).toEqual({
      create: ['ADMIN', 'DEVELOPER'],
      read: ['ADMIN', 'DEVELOPER'],
      download: ['ADMIN', 'DEVELOPER'],
      verify: ['ADMIN', 'DEVELOPER'],
      restore: ['DEVELOPER'],
      cleanup: ['ADMIN', 'DEVELOPER'],
      upload: ['DEVELOPER'],
      delete: ['ADMIN', 'DEVELOPER'],
      audit: ['ADMIN', 'DEVELOPER'],
    });
    expect(routerDefaults.confirmationPhrase).toBe('I understand this will replace the current database');
  });
});

describe('what is no service', () => {
  const authenticate = (): null => null;
  it.each([
    ['backupRouter', (service: never) => backupRouter(service, { authenticate })],
    ['healthRouter', (service: never) => healthRouter(service)],
    ['maintenanceGate', (service: never) => maintenanceGate(service)],
  ])('is refused by %s at creation', (name, make) => {
    for (const service of [undefined, null, 5, 'backups', {}, Promise.resolve({}), { details: 'public' }])
      expect(() => make(service as never)).toThrow(
        expect.objectContaining({ code: 'invalid_options', message: expect.stringContaining(name) }),
      );
  });
});

describe('the options of the SQLite engine', () => {
  it('that do not fit throw', () => {
    expect(() => sqlite({ path: ':memory:' })).toThrow(expect.objectContaining({ code: 'invalid_options' }));
  });

  it.each([
    ['data/app.db', 'app'],
    ['/x/my app.sqlite3', 'my-app'],
    ['/x/shop.v2.db', 'shop-v2'],
    ['/x/ünïcode.db', 'n-code'],
    ['/x/---.db', 'database'],
    ['/x/app', 'app'],
  ])('name the backups of %s %s', (path, prefix) => {
    expect(sqlite({ path }).defaultPrefix).toBe(prefix);
  });
});
