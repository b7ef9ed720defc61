import { Presets, SingleBar } from 'cli-progress';
import type { BackupService } from '../operations/backup-service.js';
import type { Terminal } from './terminal.js';

/** Shows how operations go, on a terminal only, and makes way for whatever else is told there. */
export function showProgress(service: BackupService, terminal: Terminal): void {
  if (terminal.isJson || process.stderr.isTTY !== true) return;
  const bar = new SingleBar(
    { format: '{phase} {bar} {percentage}%', stream: process.stderr, clearOnComplete: true, hideCursor: true },
    Presets.shades_classic,
  );
  let isShown = false;
  service.on('operation', ({ state, phase, progress }) => {
    if (state !== 'running' || progress === null || progress.total === 0) return;
    if (!isShown) bar.start(progress.total, 0, { phase });
    isShown = true;
    bar.setTotal(progress.total);
    bar.update(progress.done, { phase });
  });
  terminal.makeWay = () => {
    if (isShown) bar.stop();
    isShown = false;
  };
}
