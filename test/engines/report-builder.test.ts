import { expect, it } from 'vitest';
import { ReportBuilder } from '../../dist/engines/report-builder.js';

it('a report without a problem is ok, and names its checks in the order they ran', () => {
  const report = new ReportBuilder();
  report.check('second', true, 'never told');
  report.check('first', true, 'never told');
  expect(report.build()).toEqual({
    ok: true,
    checks: { second: 'passed', first: 'passed' },
    problems: [],
    warnings: [],
  });
  expect(Object.keys(report.build().checks)).toEqual(['second', 'first']);
});

it('one failed check makes the report not ok, whatever passes after it', () => {
  const report = new ReportBuilder();
  report.check('size', false, 'It is too short.');
  report.check('header', true, '');
  expect(report.ok).toBe(false);
  expect(report.build()).toMatchObject({ ok: false, problems: ['It is too short.'], checks: { size: 'failed' } });
});

it('a failure keeps each of its problems', () => {
  const report = new ReportBuilder();
  report.fail('rows', 'one', 'two');
  expect(report.build().problems).toEqual(['one', 'two']);
});

it('a warning is no damage', () => {
  const report = new ReportBuilder();
  report.warn('foreign_keys', 'one', 'two');
  expect(report.build()).toEqual({
    ok: true,
    checks: { foreign_keys: 'warning' },
    problems: [],
    warnings: ['one', 'two'],
  });
});

it('what already has an outcome is not said to be skipped', () => {
  const report = new ReportBuilder();
  report.check('size', false, 'It is too short.');
  report.skip('size', 'sha256');
  expect(report.build().checks).toEqual({ size: 'failed', sha256: 'skipped' });
});

it('a report that was built does not change any more', () => {
  const report = new ReportBuilder();
  const built = report.build();
  report.fail('size', 'It is too short.');
  expect(built).toEqual({ ok: true, checks: {}, problems: [], warnings: [] });
});
