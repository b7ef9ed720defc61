import { defineConfig } from 'vitest/config';
import { shared } from './vitest.config.js';

/** The long suites: faults injected one by one, kills, power cuts, full disks. */
export default defineConfig({
  test: { ...shared, include: ['test/faults/**/*.test.ts'], reporters: ['default', './test/faults/tally-reporter.ts'] },
});
