// User access tokens at the end of their life and away from home: the unmodified clients of identity and chat against two resources,
// on a clock that stands still until it is moved.
import assert from 'node:assert/strict';
import { createHash, createHmac, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { ChatClient } from '@azure/communication-chat';
import { AzureCommunicationTokenCredential } from '@azure/communication-common';
import { CommunicationIdentityClient } from '@azure/communication-identity';
import { startServer } from '../../conformance/server.mjs';

const limit = { timeout: 30_000 };
// A connection that is idle for an hour of the runtime's clock is closed: each request has its own.
const alone = { name: 'alone', sendRequest: (request, next) => { request.disableKeepAlive = true; return next(request); } };
const options = { retryOptions: { maxRetries: 0 }, additionalPolicies: [{ policy: alone, position: 'perCall' }] };
let folder;
let server;
let tlsOptions;
let first;
let second;

before(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'trunkline-tokens-'));
  const config = path.join(folder, 'trunkline.yaml');
  fs.writeFileSync(config, `
listen: {port: 0, tls: auto, tls_port: 0}
log: {level: off}
providers: [{name: id, plugin: identity-local}, {name: chat, plugin: chat-local}]
resources:
  - {name: first, tls_port: 0}
  - {name: second, tls_port: 0, hosts: [localhost]}
`);
  server = await startServer({ args: ['--config', config, '--clock', 'virtual'] });
  tlsOptions = { ca: fs.readFileSync(server.ready.ca_file, 'utf8') };
  const { items } = await control('/_control/resources');
  [first, second] = ['first', 'second'].map((name) => {
    const { connection_string: connection, primary_key: key } = items.find((item) => item.name === name);
    const endpoint = connection.split(';')[0].slice('endpoint='.length).replace(/\/$/, '');
    return { endpoint, key, identity: new CommunicationIdentityClient(connection, { tlsOptions, ...options }) };
  });
});
after(async () => {
  await server?.stop();
  fs.rmSync(folder, { recursive: true, force: true });
});

async function control(at, body) {
  const headers = { authorization: `Bearer ${server.ready.arm_token}`, 'content-type': 'application/json' };
  const response = await fetch(new URL(at, server.ready.endpoint), { headers, ...(body && { method: 'POST', body: JSON.stringify(body) }) });
  assert.ok(response.ok, `${at} answered ${response.status}`);
  return response.json().catch(() => undefined);
}
const advance = (by) => control('/_control/clock/advance', { by });
const chat = (token, endpoint) => new ChatClient(endpoint, new AzureCommunicationTokenCredential(token), { tlsOptions, ...options });
const refused = (promise, status, code) => assert.rejects(promise, (error) => {
  assert.equal(`${error.statusCode} ${error.code}`, `${status} ${code}`, error.message);
  return true;
});
/** Where no version of the official client goes yet: custom ids and reading an identity. */
async function signed({ endpoint, key }, method, at, body) {
  const target = `${at}?api-version=2025-06-30`;
  const [date, host] = [new Date().toUTCString(), new URL(server.ready.endpoint).host];
  const text = body === undefined ? '' : JSON.stringify(body);
  const hash = createHash('sha256').update(text).digest('base64');
  const signature = createHmac('sha256', Buffer.from(key, 'base64')).update(`${method}\n${target}\n${date};${host};${hash}`).digest('base64');
  assert.ok(endpoint);
  const response = await fetch(new URL(target, server.ready.endpoint), {
    method,
    headers: {
      'x-ms-date': date, 'x-ms-content-sha256': hash, 'content-type': 'application/json',
      authorization: `HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=${signature}`,
    },
    ...(text && { body: text }),
  });
  const answer = await response.text();
  return { status: response.status, body: answer ? JSON.parse(answer) : undefined };
}

test('an expired token is refused with 401, and not a moment before', limit, async () => {
  const { user, token, expiresOn } = await first.identity.createUserAndToken(['chat'], { tokenExpiresInMinutes: 60 });
  const client = chat(token, first.endpoint);
  const { chatThread } = await client.createChatThread({ topic: 'an hour' });
  await advance('59m');
  assert.equal((await client.getChatThreadClient(chatThread.id).getProperties()).topic, 'an hour');
  await advance('61s');
  await refused(client.getChatThreadClient(chatThread.id).getProperties(), 401, 'Unauthorized');
  await refused(client.createChatThread({ topic: 'x' }), 401, 'Unauthorized');
  const { items } = await control('/_control/rejections');
  assert.match(JSON.stringify(items[0]), /expired/, 'the control side says why');
  // The user is as good as before.
  const again = await first.identity.getToken(user, ['chat']);
  assert.ok(again.expiresOn > expiresOn);
  assert.equal((await chat(again.token, first.endpoint).getChatThreadClient(chatThread.id).getProperties()).topic, 'an hour');
});

test('a token of another resource is refused with 401, by its port and by its host name', limit, async () => {
  const [mine, theirs] = await Promise.all([first, second].map(({ identity }) => identity.createUserAndToken(['chat'])));
  const { chatThread } = await chat(mine.token, first.endpoint).createChatThread({ topic: 'ours' });
  await refused(chat(theirs.token, first.endpoint).getChatThreadClient(chatThread.id).getProperties(), 401, 'Unauthorized');
  await refused(chat(theirs.token, first.endpoint).createChatThread({ topic: 'x' }), 401, 'Unauthorized');
  await refused(chat(mine.token, second.endpoint).createChatThread({ topic: 'x' }), 401, 'Unauthorized');
  const named = server.ready.tls_endpoint.replace('127.0.0.1', 'localhost');
  await refused(chat(mine.token, named).createChatThread({ topic: 'x' }), 401, 'Unauthorized');
  assert.ok((await chat(theirs.token, named).createChatThread({ topic: 'theirs' })).chatThread.id);
  // Where nothing but the token says which resource is meant, it opens its own and shows nothing of another.
  await refused(chat(theirs.token, server.ready.tls_endpoint).getChatThreadClient(chatThread.id).getProperties(), 404, 'NotFound');
});

test('the token of an origin does not open its fork', limit, async () => {
  const { user, token } = await first.identity.createUserAndToken(['chat']);
  const { chatThread } = await chat(token, first.endpoint).createChatThread({ topic: 'origin' });
  const fork = await control('/_control/resources/first/fork', { name: `fork-${randomUUID().slice(0, 8)}` });
  const forked = new CommunicationIdentityClient(fork.connection_string, { allowInsecureConnection: true, ...options });
  const own = await forked.getToken(user, ['chat']);
  const there = chat(own.token, server.ready.tls_endpoint);
  await there.getChatThreadClient(chatThread.id).updateTopic('fork');
  assert.equal((await there.getChatThreadClient(chatThread.id).getProperties()).topic, 'fork');
  assert.equal((await chat(token, first.endpoint).getChatThreadClient(chatThread.id).getProperties()).topic, 'origin');
  await refused(chat(own.token, first.endpoint).getChatThreadClient(chatThread.id).getProperties(), 401, 'Unauthorized');
});

test('custom ids: the same id is the same user, who can be read', limit, async () => {
  const customId = `shop/${randomUUID()}`;
  const made = await signed(first, 'POST', '/identities', { customId, createTokenWithScopes: ['chat'] });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  assert.equal(made.body.identity.customId, customId);
  const { id } = made.body.identity;
  assert.equal((await signed(first, 'POST', '/identities', { customId })).body.identity.id, id);
  assert.notEqual((await signed(second, 'POST', '/identities', { customId })).body.identity.id, id, 'each resource has its own');
  const read = await signed(first, 'GET', `/identities/${encodeURIComponent(id)}`);
  assert.equal(read.status, 200);
  assert.deepEqual(Object.keys(read.body).sort(), ['customId', 'id', 'lastTokenIssuedAt']);
  assert.deepEqual([read.body.id, read.body.customId], [id, customId]);
  // A user without either has neither member.
  const plain = await first.identity.createUser();
  const { body } = await signed(first, 'GET', `/identities/${encodeURIComponent(plain.communicationUserId)}`);
  assert.deepEqual(body, { id: plain.communicationUserId });
  for (const bad of ['', 'x'.repeat(257), 7])
    assert.equal((await signed(first, 'POST', '/identities', { customId: bad })).status, 400, String(bad).slice(0, 9));
  assert.equal((await signed(second, 'GET', `/identities/${encodeURIComponent(id)}`)).status, 401);
  assert.equal((await signed(first, 'GET', `/identities/${encodeURIComponent(id.replace(/_.*/, `_${randomUUID()}`))}`)).status, 404);
});

test('a deleted user: no token of it opens anything, it is not found, and its custom id is free for another', limit, async () => {
  const customId = randomUUID();
  const { body: { identity: { id }, accessToken } } = await signed(first, 'POST', '/identities', { customId, createTokenWithScopes: ['chat'] });
  const user = { communicationUserId: id };
  const tokens = [accessToken.token, (await first.identity.getToken(user, ['chat', 'voip'])).token];
  const { chatThread } = await chat(tokens[0], first.endpoint).createChatThread({ topic: 'x' });
  await first.identity.deleteUser(user);
  for (const token of tokens) {
    await refused(chat(token, first.endpoint).getChatThreadClient(chatThread.id).getProperties(), 401, 'Unauthorized');
    await refused(chat(token, first.endpoint).createChatThread({ topic: 'x' }), 401, 'Unauthorized');
  }
  assert.equal((await signed(first, 'GET', `/identities/${encodeURIComponent(id)}`)).status, 404);
  const next = await signed(first, 'POST', '/identities', { customId, createTokenWithScopes: ['chat'] });
  assert.notEqual(next.body.identity.id, id);
  await refused(chat(next.body.accessToken.token, first.endpoint).getChatThreadClient(chatThread.id).getProperties(), 403, 'Forbidden');
});

test('a token of Entra names no resource: the first, the one of the host name or of the port', limit, async () => {
  const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: 'app', scope: 'https://communication.azure.com/.default' });
  const { access_token: token } = await (await fetch(new URL('/_dev/oidc/token', server.ready.endpoint), { method: 'POST', body: form })).json();
  const credential = { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) };
  const made = async (endpoint) => (await new CommunicationIdentityClient(endpoint, credential, { tlsOptions, ...options }).createUser()).communicationUserId.split('_')[0];
  const [one, other] = await Promise.all([first, second].map(async ({ identity }) => (await identity.createUser()).communicationUserId.split('_')[0]));
  assert.equal(await made(server.ready.tls_endpoint), one);
  assert.equal(await made(server.ready.tls_endpoint.replace('127.0.0.1', 'localhost')), other);
  assert.equal(await made(second.endpoint), other);
});
