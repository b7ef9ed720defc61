import { z } from 'zod';

/** What somebody must hear of. Whoever is told of one of them is also told when it is over. */
export const troubleEvents = [
  'backup.failed',
  'backup.damaged',
  'restore.failed',
  'restore.interrupted',
  'database.invalid',
  'schedule.missed',
  'table.shrank',
  'disk.low',
] as const;
/** What is told only to those who ask for it. */
const noticeEvents = ['backup.created', 'backup.verified', 'restore.finished', 'cleanup.finished'] as const;
const notifyEvents = [...troubleEvents, ...noticeEvents] as const;

export type TroubleEvent = (typeof troubleEvents)[number];
export type NotifyEvent = (typeof notifyEvents)[number];

/** An HMAC with a shorter key could be guessed from one delivery. */
const shortestSecret = 16;
const longestPrefix = 100;
/** More is a mistake, such as one for each request. */
const mostNotifiers = 20;

const events = z.array(z.enum(notifyEvents)).min(1);
const httpUrl = z.string().refine(isHttpUrl, 'an http or https URL without a user name and password in it');
const line = z
  .string()
  .min(1)
  .refine((text) => !hasLineBreak(text), 'text without line breaks');

function isHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return ['http:', 'https:'].includes(protocol) && username === '' && password === '';
}

const hasLineBreak = (text: string): boolean => /[\r\n\0]/.test(text);
const isLine = (value: unknown): boolean => typeof value === 'string' && value !== '' && !hasLineBreak(value);

/** Options of nodemailer's `createTransport`, or a transport of its own kind. */
type MailTransport = string | Readonly<Record<string, unknown>>;
const isTransport = (value: unknown): value is MailTransport =>
  typeof value === 'string'
    ? /^smtps?:\/\//i.test(value) && URL.canParse(value)
    : typeof value === 'object' && value !== null && !Array.isArray(value);

type Recipients = string | readonly string[];
const areRecipients = (value: unknown): value is Recipients =>
  isLine(value) || (Array.isArray(value) && value.length > 0 && value.every(isLine));

export const emailOptionsSchema = z.strictObject({
  /** `smtps://user:password@host`, or what nodemailer's `createTransport` takes; it is passed on as it is. */
  transport: z.custom<MailTransport>(isTransport, 'an smtp or smtps URL, or the transport options of nodemailer'),
  from: line,
  to: z.custom<Recipients>(areRecipients, 'an address without line breaks, or a list of them'),
  /** What every subject begins with. */
  subjectPrefix: z
    .string()
    .max(longestPrefix)
    .refine((text) => !hasLineBreak(text), 'text without line breaks')
    .default('[backup] '),
  events: events.default([...troubleEvents]),
});

export const webhookOptionsSchema = z.strictObject({
  url: httpUrl,
  /** Signs every delivery; at least 16 characters. */
  secret: z.string().min(shortestSecret),
  events: events.default([...troubleEvents]),
});

export const slackOptionsSchema = z.strictObject({
  /** The address of an incoming webhook; whoever knows it can write into the channel. */
  url: httpUrl,
  events: events.default([...troubleEvents]),
});

export const heartbeatOptionsSchema = z
  .strictObject({
    /** Asked for after every backup that was created. */
    url: httpUrl,
    /** Asked for when one of `events` happened. */
    failUrl: httpUrl.optional(),
    method: z.enum(['GET', 'POST']).default('GET'),
    events: z.array(z.enum(troubleEvents)).min(1).optional(),
  })
  .refine(({ events: given, failUrl }) => given === undefined || failUrl !== undefined, {
    path: ['failUrl'],
    error: 'given, because `events` says when it is asked for',
  });

/** What must not be repeated in a message about a wrong option. */
export const notifySecrets = ['url', 'failUrl', 'secret', 'transport'];

function isNotifier(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { name, events: given, deliver } = value as Readonly<Record<string, unknown>>;
  return typeof name === 'string' && events.safeParse(given).success && typeof deliver === 'function';
}

/** The option `notify` of the service. */
export const notifySchema = z
  .array(z.custom<unknown>(isNotifier, 'made by email, webhook, slack or heartbeat'))
  .max(mostNotifiers)
  .default([]);
