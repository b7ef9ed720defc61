/** What must be known of the bytes of a write-ahead log to copy one (SQLite file format, 4.1 and 4.2). */
export const logHeaderBytes = 32;
const checksummedBytes = 24;
const frameHeaderBytes = 24;
/** The last bit tells the byte order of the checksums. */
const magic = 0x377f0682;
const smallestPage = 512;
const largestPage = 65_536;

/** An empty, torn or damaged header means that SQLite finds nothing in the log. */
export function isLogHeader(header: Buffer): boolean {
  const pageSize = header.readUInt32BE(8);
  const isPageSize = pageSize >= smallestPage && pageSize <= largestPage && (pageSize & (pageSize - 1)) === 0;
  return (header.readUInt32BE(0) & ~1) >>> 0 === magic && isPageSize && hasItsChecksum(header);
}

function hasItsChecksum(header: Buffer): boolean {
  const word = (offset: number): number =>
    header.readUInt32BE(0) === magic ? header.readUInt32LE(offset) : header.readUInt32BE(offset);
  let [first, second] = [0, 0];
  for (let offset = 0; offset < checksummedBytes; offset += 8) {
    first = (first + word(offset) + second) >>> 0;
    second = (second + word(offset + 4) + first) >>> 0;
  }
  return first === header.readUInt32BE(24) && second === header.readUInt32BE(28);
}

/** Bytes of one frame: its header and a page. */
export function logFrameBytes(header: Buffer): number {
  return frameHeaderBytes + header.readUInt32BE(8);
}

/**
 * How many bytes of whole frames at the start of `frames` carry the salts of the header. SQLite reads a log up to the first frame
 * that does not; a log that starts anew changes its salts and leaves the old frames behind the new ones.
 */
export function validBytes(frames: Buffer, header: Buffer): number {
  const frameBytes = logFrameBytes(header);
  const salts = header.subarray(16, 24);
  let valid = 0;
  while (valid + frameBytes <= frames.length && frames.subarray(valid + 8, valid + 16).equals(salts))
    valid += frameBytes;
  return valid;
}
