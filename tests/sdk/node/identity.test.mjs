// The unmodified @azure/communication-identity against a running server: every documented refusal, and tokens of the development
// issuer in place of access keys.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CommunicationIdentityClient } from '@azure/communication-identity';
import { startServer } from '../../conformance/server.mjs';

const options = { allowInsecureConnection: true, retryOptions: { maxRetries: 0 } };
const limit = { timeout: 30_000 };
let server;
let identity;

before(async () => {
  server = await startServer();
  identity = new CommunicationIdentityClient(server.ready.connection_string, options);
});
after(() => server?.stop());

const refused = (promise, status, code) => assert.rejects(promise, (error) => {
  assert.equal(error.statusCode, status, error.message);
  assert.equal(error.code, code);
  return true;
});
/** The control side of the server. */
async function control(path, body) {
  const headers = { authorization: `Bearer ${server.ready.arm_token}`, 'content-type': 'application/json' };
  const response = await fetch(new URL(path, server.ready.endpoint), { headers, ...(body && { method: 'POST', body: JSON.stringify(body) }) });
  assert.ok(response.ok, `${path} answered ${response.status}`);
  return response.json();
}
/** A token of the development issuer for a person. */
async function teamsToken(app, person) {
  const form = new URLSearchParams({
    grant_type: 'password', client_id: app, username: person, scope: 'https://auth.msft.communication.azure.com/Teams.ManageCalls',
  });
  const response = await fetch(new URL('/_dev/oidc/token', server.ready.endpoint), { method: 'POST', body: form });
  return (await response.json()).access_token;
}
const claims = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));

test('an invalid scope is refused with 400', limit, async () => {
  const user = await identity.createUser();
  await refused(identity.getToken(user, ['everything']), 400, 'BadRequest');
  await refused(identity.getToken(user, []), 400, 'BadRequest');
  await refused(identity.createUserAndToken(['chat', 'everything']), 400, 'BadRequest');
});

test('a lifetime out of range is refused with 400', limit, async () => {
  const user = await identity.createUser();
  for (const tokenExpiresInMinutes of [-1, 0, 59, 1441, 2 ** 31 - 1])
    await refused(identity.getToken(user, ['chat'], { tokenExpiresInMinutes }), 400, 'BadRequest');
  for (const tokenExpiresInMinutes of [60, 1440])
    assert.ok((await identity.getToken(user, ['chat'], { tokenExpiresInMinutes })).token);
});

test('an unknown and a deleted user are refused with 404', limit, async () => {
  const user = await identity.createUser();
  const unknown = { communicationUserId: user.communicationUserId.replace(/_.*/, `_${randomUUID()}`) };
  await identity.deleteUser(user);
  for (const nobody of [unknown, user]) {
    await refused(identity.getToken(nobody, ['chat']), 404, 'NotFound');
    await refused(identity.revokeTokens(nobody), 404, 'NotFound');
    await refused(identity.deleteUser(nobody), 404, 'NotFound');
  }
});

test('what is no user id is refused with 400, a user of another resource with 401', limit, async () => {
  await refused(identity.getToken({ communicationUserId: 'alice' }, ['chat']), 400, 'BadRequest');
  const stranger = { communicationUserId: `8:acs:${randomUUID()}_${randomUUID()}` };
  await refused(identity.getToken(stranger, ['chat']), 401, 'Unauthorized');
  await refused(identity.revokeTokens(stranger), 401, 'Unauthorized');
  await refused(identity.deleteUser(stranger), 401, 'Unauthorized');
});

test('a wrong key is refused with 401, and the control side says why', limit, async () => {
  const wrong = new CommunicationIdentityClient(server.ready.connection_string.replace(/accesskey=.*/, `accesskey=${btoa('wrong')}`), options);
  await refused(wrong.createUser(), 401, 'Unauthorized');
  const { items } = await control('/_control/rejections');
  assert.match(items[0].reason, /no key of/);
  assert.match(items[0].wanted, /POST\\n\/identities/);
});

test('a fork issues for the users of its origin', limit, async () => {
  const user = await identity.createUser();
  const fork = await control('/_control/resources/trunkline/fork', { name: `fork-${randomUUID().slice(0, 8)}` });
  const forked = new CommunicationIdentityClient(fork.connection_string, options);
  const { token } = await forked.getToken(user, ['chat']);
  assert.equal(claims(token).skypeid, user.communicationUserId.slice(2));
  assert.equal(claims(token).resourceId, fork.resource_id);
  await forked.deleteUser(user);
  assert.ok((await identity.getToken(user, ['chat'])).token, 'the origin still has it');
  await refused(identity.getToken(await forked.createUser(), ['chat']), 401, 'Unauthorized');
});

test('a Teams token is exchanged', limit, async () => {
  const [app, person] = [randomUUID(), randomUUID()];
  const teamsUserAadToken = await teamsToken(app, person);
  const { token, expiresOn } = await identity.getTokenForTeamsUser({ teamsUserAadToken, clientId: app, userObjectId: person });
  assert.equal(claims(token).skypeid, `orgid:${person}`);
  assert.ok(expiresOn > new Date());
  const exchange = (more) => identity.getTokenForTeamsUser({ teamsUserAadToken, clientId: app, userObjectId: person, ...more });
  await refused(exchange({ teamsUserAadToken: 'invalid' }), 401, 'Unauthorized');
  await refused(exchange({ teamsUserAadToken: teamsUserAadToken.slice(0, -4) + 'AAAA' }), 401, 'Unauthorized');
  await refused(exchange({ clientId: 'invalid' }), 400, 'BadRequest');
  await refused(exchange({ clientId: randomUUID() }), 400, 'BadRequest');
  await refused(exchange({ userObjectId: 'invalid' }), 400, 'BadRequest');
  await refused(exchange({ userObjectId: randomUUID() }), 400, 'BadRequest');
});

test('the keys that verify our tokens are published', limit, async () => {
  const { token } = await identity.createUserAndToken(['voip']);
  const document = await (await fetch(new URL('/.well-known/openid-configuration', server.ready.endpoint))).json();
  const { keys } = await (await fetch(document.jwks_uri)).json();
  const [header, payload, signature] = token.split('.');
  const jwk = keys.find((key) => key.kid === JSON.parse(Buffer.from(header, 'base64url')).kid);
  const key = await crypto.subtle.importKey('jwk', jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['verify']);
  const good = await crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, key, Buffer.from(signature, 'base64url'), Buffer.from(`${header}.${payload}`));
  assert.ok(good);
});

test('credentials of @azure/identity work over https, offline', limit, () => {
  // The authority has to be known to Node.js when it starts.
  const child = spawnSync(process.execPath, [path.join(path.dirname(fileURLToPath(import.meta.url)), 'entra.mjs'), server.ready.tls_endpoint], {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: server.ready.ca_file }, encoding: 'utf8', timeout: 25_000,
  });
  assert.equal(child.status, 0, child.stdout + child.stderr);
});
