import { createHmac, createSign, generateKeyPairSync } from 'node:crypto';
import { type JwtAuthOptions, jwtAuth } from 'express-db-backup';
import { describe, expect, it } from 'vitest';
import { bodyOf, listSchema, problemOf } from '../helpers/contract.js';
import { jwtSecret, signToken, startApp } from '../helpers/http-app.js';
import { rawRequest } from '../helpers/raw-request.js';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const rsaPem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' });

const now = Math.floor(Date.now() / 1000);
const claims = { sub: 'dev@example.com', role: 'DEVELOPER', exp: now + 600 };
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Built by hand, because a library refuses to sign most of these. */
function hs256(payload: unknown, { header = {}, key = jwtSecret }: { header?: object; key?: string } = {}): string {
  const content = `${encode({ alg: 'HS256', typ: 'JWT', ...header })}.${encode(payload)}`;
  return `${content}.${createHmac('sha256', key).update(content).digest('base64url')}`;
}

function signed(alg: 'RS256' | 'ES256'): string {
  const content = `${encode({ alg, typ: 'JWT' })}.${encode(claims)}`;
  const signer = createSign('sha256').update(content);
  const signature =
    alg === 'RS256' ? signer.sign(rsa.privateKey) : signer.sign({ key: curve.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${content}.${signature.toString('base64url')}`;
}

const unsigned = (alg: string): string => `${encode({ alg, typ: 'JWT' })}.${encode(claims)}.`;
const bearer = (token: string): Record<string, string> => ({ Authorization: `Bearer ${token}` });
const { exp: _exp, ...withoutExp } = claims;
const { sub: _sub, ...withoutSub } = claims;

type Row = readonly [string, Record<string, string>, Partial<JwtAuthOptions>?];
const refused: readonly Row[] = [
  ['alg none', bearer(unsigned('none'))],
  ['alg nOnE', bearer(unsigned('nOnE'))],
  ['alg none with a signature', bearer(hs256(claims, { header: { alg: 'none' } }))],
  ['an empty signature', bearer(unsigned('HS256'))],
  ['another secret', bearer(hs256(claims, { key: 'another secret that is long enough, too' }))],
  ['another algorithm than the pinned one', bearer(hs256(claims, { header: { alg: 'HS384' } }))],
  ['HS256 signed with the RSA public key', bearer(hs256(claims, { key: rsaPem })), { publicKey: rsaPem }],
  ['RS256 where a secret is expected', bearer(signed('RS256'))],
  ['exp in the past', bearer(hs256({ ...claims, exp: now - 1 }))],
  ['nbf in the future', bearer(hs256({ ...claims, nbf: now + 600 }))],
  ['no exp', bearer(hs256(withoutExp))],
  ['exp as text', bearer(hs256({ ...claims, exp: String(now + 600) }))],
  ['exp null', bearer(hs256({ ...claims, exp: null }))],
  ['another issuer', bearer(hs256({ ...claims, iss: 'evil' })), { issuer: 'good' }],
  ['no issuer', bearer(hs256(claims)), { issuer: 'good' }],
  ['another audience', bearer(hs256({ ...claims, aud: ['evil'] })), { audience: 'good' }],
  ['no audience', bearer(hs256(claims)), { audience: 'good' }],
  ['a bare text as payload', bearer(hs256('DEVELOPER'))],
  ['an array as payload', bearer(hs256([claims]))],
  ['null as payload', bearer(hs256(null))],
  ['a crit header', bearer(hs256(claims, { header: { crit: ['b64'], b64: true } }))],
  ['an empty crit header', bearer(hs256(claims, { header: { crit: [] } }))],
  ['no subject', bearer(hs256(withoutSub))],
  ['an empty subject', bearer(hs256({ ...claims, sub: '' }))],
  ['an object as subject', bearer(hs256({ ...claims, sub: { id: 1 } }))],
  ['an inherited member as subject', bearer(hs256(claims)), { idClaim: 'toString' }],
  ['a cookie', { Cookie: `token=${signToken('DEVELOPER')}; Authorization=Bearer ${signToken('DEVELOPER')}` }],
  [
    'another header',
    { 'X-Authorization': `Bearer ${signToken('DEVELOPER')}`, 'X-Access-Token': signToken('DEVELOPER') },
  ],
  ['an empty header', { Authorization: '' }],
  ['a scheme without a token', { Authorization: 'Bearer' }],
  ['a token without a scheme', { Authorization: signToken('DEVELOPER') }],
  ['another scheme', { Authorization: `Token ${signToken('DEVELOPER')}` }],
  ['two tokens', { Authorization: `Bearer ${signToken('DEVELOPER')}, Bearer ${signToken('DEVELOPER')}` }],
  ['something after the token', { Authorization: `Bearer ${signToken('DEVELOPER')} x` }],
  ['four parts', { Authorization: `Bearer ${signToken('DEVELOPER')}.x` }],
  ['junk', { Authorization: 'Bearer \xff\xfe.\xff.\xff' }],
  ['brackets', { Authorization: 'Bearer {"alg":"HS256"}.{}.x' }],
  ['a header of 8,000 letters', { Authorization: `Bearer ${'a.'.repeat(4_000)}` }],
];

const accepted: readonly Row[] = [
  ['HS256', bearer(hs256(claims))],
  ['a scheme in lower case (RFC 9110, 11.1)', { Authorization: `bearer ${signToken('DEVELOPER')}` }],
  ['a list of roles', bearer(hs256({ ...claims, role: ['USER', 'DEVELOPER'] }))],
  ['a number as subject', bearer(hs256({ ...claims, sub: 42 }))],
  ['RS256', bearer(signed('RS256')), { publicKey: rsaPem }],
  ['RS256 with a KeyObject', bearer(signed('RS256')), { publicKey: rsa.publicKey }],
  ['ES256', bearer(signed('ES256')), { publicKey: curve.publicKey }],
  ['no exp where the host says so', bearer(hs256(withoutExp)), { requireExpiration: false }],
  [
    'issuer and audience',
    bearer(hs256({ ...claims, iss: 'good', aud: ['x', 'good'] })),
    { issuer: 'good', audience: ['good'] },
  ],
  [
    'claims by other names',
    bearer(hs256({ exp: claims.exp, uid: 'dev', groups: ['DEVELOPER'] })),
    { idClaim: 'uid', rolesClaim: 'groups' },
  ],
];

const withoutRole = [
  ['no role', { role: undefined }],
  ['the role in lower case', { role: 'developer' }],
  ['a list within a list', { role: [['DEVELOPER']] }],
  ['a list with something else in it', { role: ['DEVELOPER', 1] }],
  ['an object', { role: { DEVELOPER: true } }],
  ['roles in one text', { role: 'USER,DEVELOPER' }],
  ['true', { role: true }],
] as const;

async function listWith(headers: Record<string, string>, options: Partial<JwtAuthOptions> = {}, target = '/list') {
  const key = options.publicKey === undefined ? { secret: jwtSecret } : {};
  const app = await startApp({ router: { authenticate: jwtAuth({ ...key, ...options }) } });
  return rawRequest(app.origin, 'GET', `/api/backup${target}`, headers);
}

const rows = (given: readonly Row[]): [string, Record<string, string>, Partial<JwtAuthOptions>][] =>
  given.map(([what, headers, options = {}]) => [what, headers, options]);

describe('a token', () => {
  it.each(rows(refused))('is refused: %s', async (_what, headers, options) => {
    const answer = await listWith(headers, options);
    problemOf(answer, 401, 'unauthenticated');
    expect(answer.text).toBe((await listWith({})).text);
  });

  it('is refused in the query', async () => {
    const token = signToken('DEVELOPER');
    const target = `/list?token=${token}&access_token=${token}&authorization=Bearer%20${token}`;
    problemOf(await listWith({}, {}, target), 401, 'unauthenticated');
  });

  it.each(rows(accepted))('is accepted: %s', async (_what, headers, options) => {
    bodyOf(await listWith(headers, options), 200, listSchema);
  });

  it.each(withoutRole)('with %s as role gives no permission', async (_what, change) => {
    problemOf(await listWith(bearer(hs256({ ...claims, ...change }))), 403, 'forbidden');
  });
});

describe('jwtAuth throws at creation', () => {
  it.each([
    ['no options', undefined, 'jwtAuth'],
    ['no key, as when the environment variable is not set', { secret: undefined }, '`secret`'],
    ['both keys', { secret: jwtSecret, publicKey: rsaPem }, '`secret`'],
    ['a secret of one letter', { secret: 'x' }, '32 bytes'],
    ['a secret of 31 bytes', { secret: 'x'.repeat(31) }, '32 bytes'],
    ['an empty secret', { secret: '' }, '32 bytes'],
    ['short bytes as secret', { secret: new Uint8Array(31) }, '32 bytes'],
    ['HS256 with a public key', { publicKey: rsaPem, algorithms: ['HS256'] }, 'HS256'],
    ['ES256 with an RSA key', { publicKey: rsaPem, algorithms: ['RS256', 'ES256'] }, 'ES256'],
    ['RS256 with a secret', { secret: jwtSecret, algorithms: ['RS256'] }, 'RS256'],
    ['no algorithm at all', { secret: jwtSecret, algorithms: [] }, '`algorithms`'],
    ['alg none', { secret: jwtSecret, algorithms: ['none'] }, '`algorithms.0`'],
    ['a public key that is none', { publicKey: 'no key' }, '`publicKey`'],
    ['the private key', { publicKey: rsa.privateKey }, '`publicKey`'],
    ['a misspelt option', { secret: jwtSecret, audiences: 'x' }, '`audiences`'],
    ['an empty issuer', { secret: jwtSecret, issuer: '' }, '`issuer`'],
  ])('for %s', (_what, options, named) => {
    let thrown: unknown;
    try {
      jwtAuth(options as unknown as JwtAuthOptions);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'invalid_options', message: expect.stringContaining(named) });
    expect(String(thrown)).not.toContain(jwtSecret);
  });
});
