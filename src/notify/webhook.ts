import { createHmac } from 'node:crypto';
import type { z } from 'zod';
import { notifySecrets, webhookOptionsSchema } from '../options/notify-options.js';
import { parseOptions } from '../options/parse-options.js';
import { sendRequest } from './http-request.js';
import type { Notifier } from './notifier.js';

export type WebhookOptions = z.input<typeof webhookOptionsSchema>;

/**
 * Posts every notification as JSON. `X-Signature-256` is `sha256=` and the HMAC-SHA256, in hex, of the text
 * `<X-Timestamp>.<body>`, with the seconds since 1970 of the attempt; `X-Delivery` is the `id` in the body, the same in
 * every attempt, by which a receiver knows what it has already seen.
 *
 * @throws BackupError `invalid_options`
 * @example
 * createBackupService({ ...options, notify: [webhook({ url, secret: process.env.WEBHOOK_SECRET })] });
 */
export function webhook(options: WebhookOptions): Notifier {
  const { url, secret, events } = parseOptions(webhookOptionsSchema, options, 'webhook', notifySecrets);
  return {
    name: 'webhook',
    events,
    deliver(notification, delivery) {
      const body = JSON.stringify({ id: delivery.id, ...notification });
      const timestamp = String(Math.floor(Date.now() / 1_000));
      const headers = {
        'Content-Type': 'application/json',
        'X-Delivery': delivery.id,
        'X-Timestamp': timestamp,
        'X-Signature-256': `sha256=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`,
      };
      return sendRequest({ url, method: 'POST', headers, body }, delivery);
    },
  };
}
