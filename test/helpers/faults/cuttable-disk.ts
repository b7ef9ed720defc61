import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { childrenOf } from '../child-processes.js';
import { copyAtOneMoment, makeExt4, mountImage, mountPlace, unmount } from './disk.js';
import type { Running } from './run-scenario.js';
import { type Prepared, prepareApp, type Scenario, within } from './scenarios.js';

const imageMebibytes = 32;

/** A disk whose power can be cut: ext4 in an image in memory, in which nothing is but what was submitted to it. */
export class CuttableDisk {
  readonly #place: string;
  readonly #base: string;
  readonly #template: Prepared;
  #cuts = 0;

  private constructor(place: string, base: string, template: Prepared) {
    this.#place = place;
    this.#base = base;
    this.#template = template;
  }

  static async with(scenario: Scenario): Promise<CuttableDisk> {
    const place = mountPlace();
    const base = join(place, 'base.img');
    makeExt4(base, imageMebibytes);
    const at = join(place, 'base');
    mountImage(base, at);
    const template = await prepareApp(at, scenario);
    unmount(at);
    return new CuttableDisk(place, base, template);
  }

  /** Mounts a fresh copy, runs `work` in it, cuts the power, and looks at what a machine finds that starts again. */
  async cut(
    work: (app: Prepared) => Promise<Running>,
    look: (app: Prepared, running: Running) => Promise<void>,
  ): Promise<void> {
    const number = ++this.#cuts;
    const [disk, after] = [join(this.#place, `disk-${number}`), join(this.#place, `after-${number}`)];
    copyFileSync(this.#base, `${disk}.img`);
    mountImage(`${disk}.img`, disk);
    const running = await work(this.#appAt(disk));
    await stopAndCopy(running, `${disk}.img`, `${after}.img`);
    unmount(disk);
    mountImage(`${after}.img`, after);
    await look(this.#appAt(after), running);
    unmount(after);
    rmSync(`${disk}.img`);
    rmSync(`${after}.img`);
  }

  #appAt(disk: string): Prepared {
    return within(join(disk, this.#template.folder.slice(join(this.#place, 'base').length)), this.#template);
  }
}

/** Stops everything at once, takes what reached the disk, and lets nobody go on. */
async function stopAndCopy({ application }: Running, image: string, copy: string): Promise<void> {
  const pids = [application.pid, ...childrenOf(application.pid)];
  for (const pid of pids) signal(pid, 'SIGSTOP');
  copyAtOneMoment(image, copy);
  for (const pid of pids.slice(1)) signal(pid, 'SIGKILL');
  await application.kill();
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended by itself.
  }
}
