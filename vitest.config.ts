import { configDefaults, defineConfig } from 'vitest/config';

export const shared = {
  testTimeout: 60_000,
  hookTimeout: 60_000,
  expect: { poll: { timeout: 20_000 } },
  // Two cores: more workers only make the child processes wait for each other.
  maxWorkers: 2,
};

export default defineConfig({
  test: {
    ...shared,
    include: ['test/**/*.test.ts'],
    // They take long and have a command of their own.
    exclude: [...configDefaults.exclude, 'test/faults/**'],
    coverage: {
      provider: 'v8',
      include: ['dist/**/*.js', 'src/**/*.ts'],
      reporter: ['text', 'json-summary'],
    },
  },
});
