import { createPublicKey, createSecretKey, KeyObject } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import jwt from 'jsonwebtoken';
import { z } from 'zod';
import { BackupError } from '../errors.js';
import { parseOptions } from '../options/parse-options.js';
import type { Principal } from './handler.js';

/** RFC 7518, 3.2: a key of the same size as the hash output or larger. */
const shortestSecretBytes = 32;
const symmetric = ['HS256', 'HS384', 'HS512'] as const;
const rsa = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const;
const elliptic = ['ES256', 'ES384', 'ES512'] as const;

const text = z.string().min(1);
const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array);
const jwtOptionsSchema = z.strictObject({
  /** Shared secret of at least 32 bytes, for HS256, HS384 and HS512. */
  secret: z.union([z.string(), bytes]).optional(),
  /** PEM text or KeyObject of the issuer's public key, for RS*, PS* and ES*. */
  publicKey: z.union([text, z.custom<KeyObject>((value) => value instanceof KeyObject)]).optional(),
  /** Accepted algorithms; without it the one that fits the key. */
  algorithms: z
    .array(z.enum([...symmetric, ...rsa, ...elliptic]))
    .min(1)
    .optional(),
  /** Required `iss`. */
  issuer: z.union([text, z.array(text).min(1)]).optional(),
  /** Required `aud`. */
  audience: z.union([text, z.array(text).min(1)]).optional(),
  /** The claim with one role or a list of them. */
  rolesClaim: text.default('role'),
  /** The claim that names the caller. */
  idClaim: text.default('sub'),
  /** Whether a token without `exp` is refused. */
  requireExpiration: z.boolean().default(true),
});

export type JwtAuthOptions = z.input<typeof jwtOptionsSchema>;
/** Returns who calls, or null when the request does not prove it. */
export type Authenticate = (request: IncomingMessage) => Principal | null;

/**
 * Authenticates by a JSON Web Token in the `Authorization` header, and nowhere else.
 *
 * @throws BackupError `invalid_options` at creation: no key, both keys, a short secret, an algorithm that does not fit the key
 * @example
 * backupRouter(service, { authenticate: jwtAuth({ secret: process.env.JWT_SECRET }) })
 */
export function jwtAuth(options: JwtAuthOptions): Authenticate {
  const { rolesClaim, idClaim, requireExpiration, issuer, audience, ...given } = parseOptions(
    jwtOptionsSchema,
    options,
    'jwtAuth',
  );
  const { key, algorithms } = chooseKey(given);
  const checks = {
    algorithms,
    complete: true,
    ...(issuer && { issuer }),
    ...(audience && { audience }),
  } as jwt.VerifyOptions & { complete: true };
  return function authenticateByJwt(request) {
    const token = bearerToken(request.headers.authorization);
    const payload = token === null ? null : verify(token, key, checks);
    if (payload === null || (requireExpiration && typeof payload.exp !== 'number')) return null;
    const id = identifier(claim(payload, idClaim));
    return id === null ? null : { id, roles: roleList(claim(payload, rolesClaim)) };
  };
}

type GivenKey = Pick<z.output<typeof jwtOptionsSchema>, 'secret' | 'publicKey' | 'algorithms'>;

/** The key object is made once: parsing a key for each request costs fifty times the verification. */
function chooseKey({ secret, publicKey, algorithms }: GivenKey): { key: KeyObject; algorithms: jwt.Algorithm[] } {
  if ((secret === undefined) === (publicKey === undefined))
    throw refuse('Expected either `secret` or `publicKey` of jwtAuth; is the environment variable set?');
  const key = secret === undefined ? publicKeyOf(publicKey as string | KeyObject) : secretKeyOf(secret);
  const fitting = algorithmsOf(key);
  const chosen = algorithms ?? fitting.slice(0, 1);
  const wrong = chosen.find((algorithm) => !fitting.includes(algorithm));
  if (wrong !== undefined)
    throw refuse(`Expected \`algorithms\` of jwtAuth to fit the key, got ${wrong}; ${fitting.join(', ')} would.`);
  return { key, algorithms: chosen };
}

function secretKeyOf(secret: string | Uint8Array): KeyObject {
  const material = typeof secret === 'string' ? Buffer.from(secret, 'utf8') : Buffer.from(secret);
  if (material.length < shortestSecretBytes) {
    throw refuse(
      `Expected \`secret\` of jwtAuth to be at least ${shortestSecretBytes} bytes long, got ${material.length}: openssl rand -hex 32`,
    );
  }
  return createSecretKey(material);
}

function publicKeyOf(publicKey: string | KeyObject): KeyObject {
  try {
    const key = typeof publicKey === 'string' ? createPublicKey(publicKey) : publicKey;
    if (key.type === 'public') return key;
  } catch (error) {
    throw refuse('Expected `publicKey` of jwtAuth to be a public key in PEM form.', error);
  }
  throw refuse('Expected `publicKey` of jwtAuth to be a public key.');
}

const byCurve: Readonly<Record<string, jwt.Algorithm>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
};

/** The first of them is the usual one. */
function algorithmsOf(key: KeyObject): readonly jwt.Algorithm[] {
  if (key.type === 'secret') return symmetric;
  if (key.asymmetricKeyType === 'rsa') return rsa;
  const algorithm = byCurve[key.asymmetricKeyDetails?.namedCurve ?? ''];
  if (algorithm === undefined)
    throw refuse('Expected `publicKey` of jwtAuth to be an RSA or a NIST elliptic curve key.');
  return [algorithm];
}

function bearerToken(header: string | undefined): string | null {
  return /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(header ?? '')?.[1] ?? null;
}

function verify(token: string, key: KeyObject, checks: jwt.VerifyOptions & { complete: true }): jwt.JwtPayload | null {
  try {
    const { header, payload } = jwt.verify(token, key, checks);
    // RFC 7515, 4.1.11: an extension that must be understood, and is not, makes the token invalid.
    if ('crit' in header || typeof payload !== 'object' || payload === null) return null;
    return payload;
  } catch {
    // Every reason is the same answer; which one it was is of use to an attacker alone.
    return null;
  }
}

const claim = (payload: jwt.JwtPayload, name: string): unknown =>
  Object.hasOwn(payload, name) ? payload[name] : undefined;

function identifier(value: unknown): string | null {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  return typeof value === 'string' && value !== '' ? value : null;
}

function roleList(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) && value.every((role) => typeof role === 'string') ? value : [];
}

function refuse(detail: string, cause?: unknown): BackupError {
  return new BackupError('invalid_options', detail, { cause });
}
