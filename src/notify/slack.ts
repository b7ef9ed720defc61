import type { z } from 'zod';
import { notifySecrets, slackOptionsSchema } from '../options/notify-options.js';
import { parseOptions } from '../options/parse-options.js';
import { sendRequest } from './http-request.js';
import type { Notifier } from './notifier.js';

export type SlackOptions = z.input<typeof slackOptionsSchema>;

/**
 * Writes every notification into a channel, by an incoming webhook of Slack or of what understands the same.
 * @throws BackupError `invalid_options`
 */
export function slack(options: SlackOptions): Notifier {
  const { url, events } = parseOptions(slackOptionsSchema, options, 'slack', notifySecrets);
  const headers = { 'Content-Type': 'application/json' };
  return {
    name: 'slack',
    events,
    deliver({ text }, delivery) {
      const body = JSON.stringify({ text: escapeText(text), mrkdwn: false });
      return sendRequest({ url, method: 'POST', headers, body }, delivery);
    },
  };
}

/** What Slack takes for a link, or for a call of everybody: a table could be named `<!channel>`. */
function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
