import { FileLock } from './file-lock.js';

/** Entry of a process of its own, which finds out whether a lock that another process holds keeps it out. */
const [, , file] = process.argv;
if (file === undefined) throw new Error('Expected the path of a lock file.');
process.stdout.write(new FileLock(file).tryAcquire({ create: false }) ? 'taken' : 'kept out');
