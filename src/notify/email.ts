import type { z } from 'zod';
import { BackupError, systemCode } from '../errors.js';
import { emailOptionsSchema, notifySecrets } from '../options/notify-options.js';
import { parseOptions } from '../options/parse-options.js';
import { type DeliveryOutcome, delivered, type Notifier } from './notifier.js';

export type EmailOptions = z.input<typeof emailOptionsSchema>;
type Transport = EmailOptions['transport'];

/**
 * nodemailer's own are up to ten minutes. Its sockets cannot be let go of before: so long a server that has nothing to
 * say can keep a process from ending.
 */
const timeouts = { dnsTimeout: 10_000, connectionTimeout: 10_000, greetingTimeout: 20_000, socketTimeout: 20_000 };
/** A mail takes some ten answers of the server. */
const attemptMs = 60_000;

/** What is used of a transporter of nodemailer. */
interface Mailer {
  sendMail(mail: object): Promise<{ readonly rejected?: readonly unknown[] }>;
  close(): void;
}

/**
 * Sends every notification as a plain text mail, by nodemailer, which your application installs.
 *
 * @throws BackupError `invalid_options`
 * @example
 * email({ transport: process.env.SMTP_URL, from: 'backups@example.com', to: ['ops@example.com'] })
 */
export function email(options: EmailOptions): Notifier {
  const { transport, from, to, subjectPrefix, events } = parseOptions(
    emailOptionsSchema,
    options,
    'email',
    notifySecrets,
  );
  let mailer: Mailer | undefined;
  const load = async (): Promise<Mailer> => {
    mailer ??= await createMailer(transport);
    return mailer;
  };
  return {
    name: 'email',
    events,
    attemptMs,
    prepare: async () => void (await load()),
    close() {
      // One that sends by itself is the host's.
      if (typeof transport === 'string' || !('send' in transport)) mailer?.close();
      mailer = undefined;
    },
    async deliver({ title, text, host }, { id }) {
      try {
        const mail = { from, to: typeof to === 'string' ? to : [...to], subject: subjectPrefix + title, text };
        const messageId = `<${id}@${host.replaceAll(/[^\w.-]/g, '-')}>`;
        const { rejected = [] } = await (await load()).sendMail({ ...mail, ...mailDefaults, messageId });
        // Not again: the others have it.
        return rejected.length === 0
          ? delivered
          : { delivered: true, missed: `recipients refused: ${rejected.length}` };
      } catch (error) {
        return refusal(error);
      }
    },
  };
}

const mailDefaults = {
  /** RFC 3834, 5: nobody's absence is to be answered to it. */
  headers: { 'Auto-Submitted': 'auto-generated' },
  disableFileAccess: true,
  disableUrlAccess: true,
};

async function createMailer(transport: Transport): Promise<Mailer> {
  const { createTransport } = await loadNodemailer();
  return createTransport(withTimeouts(transport) as string);
}

async function loadNodemailer(): Promise<{ createTransport(transport: string): Mailer }> {
  try {
    return (await import('nodemailer')).default;
  } catch (error) {
    const detail =
      systemCode(error) === 'ERR_MODULE_NOT_FOUND'
        ? 'nodemailer is not installed: npm install nodemailer'
        : 'nodemailer cannot be loaded: npm install nodemailer';
    throw new BackupError('tool_missing', detail, { cause: error });
  }
}

/** What the host has set stays; a transport that sends by itself is left as it is. */
function withTimeouts(transport: Transport): Transport {
  if (typeof transport !== 'string') return 'send' in transport ? transport : { ...timeouts, ...transport };
  const url = new URL(transport);
  for (const [name, value] of Object.entries(timeouts))
    if (!url.searchParams.has(name)) url.searchParams.set(name, String(value));
  return url.href;
}

/** RFC 5321, 4.2.1: 5yz is final. What the server wrote is left out: nobody knows what it repeats. */
function refusal(error: unknown): DeliveryOutcome {
  if (error instanceof BackupError) return { delivered: false, retry: false, reason: error.message };
  const { responseCode } = error as { responseCode?: unknown };
  const status = typeof responseCode === 'number' ? responseCode : undefined;
  const reason = [systemCode(error) ?? 'the mail was not sent', status && `SMTP ${status}`].filter(Boolean).join(', ');
  return { delivered: false, retry: status === undefined || status < 500, reason };
}
