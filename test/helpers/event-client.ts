import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { expect, onTestFinished } from 'vitest';
import { z } from 'zod';
import { operationSchema, statusSchema } from './contract.js';
import { as, type HttpApp } from './http-app.js';

const progressSchema = operationSchema.shape.progress.unwrap().extend({
  fraction: z.number().min(0).max(1).nullable(),
  bytesPerSecond: z.int().min(0).nullable(),
  secondsLeft: z.int().min(0).nullable(),
});
const eventSchema = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('status'), id: z.iso.datetime(), data: statusSchema }),
  z.strictObject({
    name: z.literal('operation'),
    id: z.iso.datetime(),
    data: operationSchema.extend({ progress: progressSchema.nullable() }),
  }),
  z.strictObject({
    name: z.literal('backup'),
    id: z.iso.datetime(),
    data: z.strictObject({ type: z.enum(['created', 'verified', 'damaged', 'removed']), filename: z.string() }),
  }),
  z.strictObject({ name: z.literal('notice'), id: z.iso.datetime(), data: z.looseObject({ type: z.string() }) }),
]);
export type StreamedEvent = z.output<typeof eventSchema>;
type Named<Name extends string> = Extract<StreamedEvent, { name: Name }>;

/** A client of `GET /events` that keeps everything it was told. */
export interface EventClient {
  readonly response: IncomingMessage;
  readonly events: readonly StreamedEvent[];
  readonly text: () => string;
  /** The first event of this name, of those that were told or will be, that fits. */
  first<Name extends StreamedEvent['name']>(
    name: Name,
    fits?: (data: Named<Name>['data']) => boolean,
  ): Promise<Named<Name>>;
  /** Resolves when the server has ended the stream, or the connection broke off. */
  readonly ended: Promise<void>;
  close(): void;
}

export interface ReadOptions {
  readonly role?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Opens the stream; whatever the status is, the answer is there when this resolves. */
export async function readEvents(
  { api }: Pick<HttpApp, 'api'>,
  { role = 'ADMIN', headers = {} }: ReadOptions = {},
): Promise<EventClient> {
  const sent = request(`${api}/events`, { headers: { ...as(role), ...headers }, agent: false }).end();
  onTestFinished(() => void sent.destroy());
  sent.on('error', () => undefined);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const events: StreamedEvent[] = [];
  let [text, unread] = ['', ''];
  let arrived = (): void => undefined;
  response.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    const blocks = (unread + chunk).split('\n\n');
    unread = blocks.pop() ?? '';
    for (const block of blocks) if (!/^(?:retry: \d+|:)$/.test(block)) events.push(parse(block));
    arrived();
  });
  let over = false;
  const ended = new Promise<void>((resolve) => {
    response
      .on('error', () => undefined)
      .on('close', () => {
        over = true;
        arrived();
        resolve();
      });
  });
  return {
    response,
    events,
    text: () => text,
    async first(name, fits = () => true) {
      for (;;) {
        const found = events.find((event) => event.name === name && fits(event.data as never));
        if (found !== undefined) return found as never;
        if (over) throw new Error(`The stream ended before the ${name} that was waited for.`);
        await new Promise<void>((resolve) => {
          arrived = resolve;
        });
      }
    },
    ended,
    close: () => void sent.destroy(),
  };
}

function parse(block: string): StreamedEvent {
  const lines = Object.fromEntries(
    block.split('\n').map((line) => [line.split(': ')[0], line.slice(line.indexOf(': ') + 2)]),
  );
  expect(Object.keys(lines)).toEqual(['event', 'id', 'data']);
  return eventSchema.parse({ name: lines.event, id: lines.id, data: JSON.parse(lines.data ?? '') });
}
