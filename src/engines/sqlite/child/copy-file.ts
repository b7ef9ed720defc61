import { constants, copyFileSync } from 'node:fs';

/** Entry of a process of its own: its descriptors can drop no lock that another process holds. */
const [from, to] = process.argv.slice(2);
if (from === undefined || to === undefined) throw new Error('Expected two paths: from, to.');
process.umask(0o077);
copyFileSync(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
