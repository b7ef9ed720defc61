import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';

const makers = [
  ['xfs', ['mkfs.xfs', '-q', '-m', 'reflink=1']],
  ['btrfs', ['mkfs.btrfs', '-q']],
];

/**
 * Mounts a file system of its own that can copy on write, from an image in `folder`.
 * @returns {{ path: string, fileSystem: string, unmount: () => void } | { reason: string }} why there is none here
 */
export function mountImage(folder, sizeMiB) {
  if (process.getuid?.() !== 0) return { reason: 'only root may mount an image' };
  const [image, path] = [`${folder}/image`, `${folder}/mounted`];
  mkdirSync(path, { recursive: true });
  let reason = 'neither mkfs.xfs nor mkfs.btrfs is installed';
  for (const [fileSystem, [maker, ...options]] of makers) {
    writeFileSync(image, '');
    truncateSync(image, sizeMiB * 1024 * 1024);
    if (!succeeds(maker, [...options, image])) continue;
    if (succeeds('mount', ['-o', 'loop', image, path]))
      return { path, fileSystem, unmount: () => unmount(path, image) };
    reason = `this system does not mount an image of ${fileSystem}`;
  }
  rmSync(image, { force: true });
  return { reason };
}

function unmount(path, image) {
  if (!succeeds('umount', [path])) throw new Error(`${path} could not be unmounted.`);
  rmSync(image, { force: true });
}

const succeeds = (name, args) => spawnSync(name, args, { stdio: 'ignore' }).status === 0;
