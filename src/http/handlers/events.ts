import { EventStream } from '../event-stream.js';
import type { Handler } from '../handler.js';

const headers = {
  'Content-Type': 'text/event-stream',
  // A middleware or a proxy that compresses or collects the answer would hold the events back.
  'Cache-Control': 'no-store, no-transform',
  'X-Accel-Buffering': 'no',
};

export const events: Handler = async ({ service, takeReaderSlot }, request) => {
  if (request.method === 'HEAD') return { status: 200, headers };
  const releaseSlot = await takeReaderSlot();
  const stream = new EventStream();
  stream.once('close', releaseSlot);
  try {
    const stop = await service.follow(stream, instantOf(request.headers['last-event-id']));
    if (stream.closed) stop();
    else stream.once('close', stop);
    return { status: 200, headers, stream, live: true };
  } catch (error) {
    stream.destroy();
    throw error;
  }
};

/** Up to when the client knows what happened; what is no instant of ours says nothing. */
function instantOf(lastEventId: string | string[] | undefined): Date | undefined {
  const instant = new Date(String(lastEventId));
  return Number.isNaN(instant.getTime()) ? undefined : instant;
}
