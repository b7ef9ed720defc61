import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Notification } from 'express-db-backup';
import { serve } from './http-app.js';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly at: number;
}

/** A real HTTP server that somebody is told at. */
export interface Receiver {
  readonly origin: string;
  readonly received: readonly Received[];
  /** What it says from now on: a status, or what to do with the answer. */
  answer: number | ((response: ServerResponse, request: IncomingMessage) => void);
  /** Resolves when that many requests have come in. */
  until(count: number): Promise<readonly Received[]>;
  /** Answers no more what it has left without an answer. */
  drop(): void;
  /** The bodies as notifications. */
  notifications(): readonly (Notification & { readonly id: string })[];
}

/** Listens on a free port until the test ends. */
export async function startReceiver(answer: Receiver['answer'] = 204): Promise<Receiver> {
  const received: Received[] = [];
  let arrived: () => void = () => undefined;
  const open = new Set<ServerResponse>();
  const listen = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = [];
    open.add(response);
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url: path = '' } = request;
      const headers = request.headers as Record<string, string>;
      received.push({ method, path, headers, body: Buffer.concat(chunks).toString('utf8'), at: performance.now() });
      if (typeof receiver.answer === 'number') response.writeHead(receiver.answer).end();
      else receiver.answer(response, request);
      arrived();
    });
  };
  const receiver: Receiver = {
    origin: await serve(listen),
    received,
    answer,
    async until(count) {
      while (received.length < count)
        await new Promise<void>((resolve) => {
          arrived = resolve;
        });
      return received;
    },
    drop: () => {
      for (const response of open) response.destroy();
    },
    notifications: () => received.map(({ body }) => JSON.parse(body) as Notification & { id: string }),
  };
  return receiver;
}
