import type { z } from 'zod';
import { heartbeatOptionsSchema, notifySecrets } from '../options/notify-options.js';
import { parseOptions } from '../options/parse-options.js';
import { sendRequest } from './http-request.js';
import { delivered, type Notifier } from './notifier.js';

export type HeartbeatOptions = z.input<typeof heartbeatOptionsSchema>;

/**
 * Asks for `url` after every backup that was created, so that a service elsewhere raises the alarm when that stops,
 * even because this machine is gone; and for `failUrl` at every failure.
 *
 * @throws BackupError `invalid_options`
 * @example
 * heartbeat({ url: 'https://hc-ping.com/<uuid>', failUrl: 'https://hc-ping.com/<uuid>/fail' })
 */
export function heartbeat(options: HeartbeatOptions): Notifier {
  const { url, failUrl, method, events } = parseOptions(heartbeatOptionsSchema, options, 'heartbeat', notifySecrets);
  return {
    name: 'heartbeat',
    events: ['backup.created', ...(failUrl === undefined ? [] : (events ?? (['backup.failed'] as const)))],
    everyTime: true,
    async deliver({ status, facts, text }, delivery) {
      // A file from elsewhere says nothing of the backups of this database.
      if (facts.kind === 'uploaded') return delivered;
      const address = status === 'notice' ? url : (failUrl ?? url);
      const content = method === 'GET' ? {} : { headers: { 'Content-Type': 'text/plain; charset=utf-8' }, body: text };
      return sendRequest({ url: address, method, ...content }, delivery);
    },
  };
}
