import { systemCode } from '../errors.js';
import { type Delivery, type DeliveryOutcome, delivered } from './notifier.js';

export interface HttpMessage {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Beside 5xx, what may be accepted later: 408 Request Timeout, 425 Too Early, 429 Too Many Requests. */
const passing = new Set([408, 425, 429]);

/** One request. The body of the answer is not read and a redirect is not followed: it could lead a secret elsewhere. */
export async function sendRequest(message: HttpMessage, { signal }: Delivery): Promise<DeliveryOutcome> {
  const { url, method, headers = {}, body } = message;
  try {
    const response = await fetch(url, {
      method,
      headers: { 'User-Agent': 'express-db-backup', ...headers },
      redirect: 'manual',
      signal,
      ...(body !== undefined && { body }),
    });
    await response.body?.cancel().catch(() => undefined);
    return judge(response.status, response.headers.get('Retry-After'));
  } catch (error) {
    return { delivered: false, retry: true, reason: reasonOf(error, signal) };
  }
}

function judge(status: number, retryAfter: string | null): DeliveryOutcome {
  if (status >= 200 && status < 300) return delivered;
  if (status >= 300 && status < 400)
    return { delivered: false, retry: false, reason: `HTTP ${status}: redirects are not followed` };
  return {
    delivered: false,
    retry: status >= 500 || passing.has(status),
    reason: `HTTP ${status}`,
    retryAfterMs: retryAfterMs(retryAfter, Date.now()),
  };
}

/** RFC 9110, 10.2.3: seconds, or a date. */
export function retryAfterMs(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  if (/^\d+$/.test(header)) return Number(header) * 1_000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** The code alone: messages of network errors can hold the address, and the address can be the secret. */
function reasonOf(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return 'no answer in time';
  return systemCode((error as { cause?: unknown }).cause) ?? systemCode(error) ?? 'the request failed';
}
