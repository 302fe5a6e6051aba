// The unmodified @azure/communication-chat against a running server: every documented refusal.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { after, before, test } from 'node:test';
import { ChatClient } from '@azure/communication-chat';
import { AzureCommunicationTokenCredential } from '@azure/communication-common';
import { CommunicationIdentityClient } from '@azure/communication-identity';
import { startServer } from '../../conformance/server.mjs';

const limit = { timeout: 30_000 };
let server;
let identity;
let ca;

before(async () => {
  server = await startServer();
  // The chat client speaks https only.
  ca = fs.readFileSync(server.ready.ca_file, 'utf8');
  identity = new CommunicationIdentityClient(server.ready.connection_string, { allowInsecureConnection: true, retryOptions: { maxRetries: 0 } });
});
after(() => server?.stop());

const clientOf = (token) => new ChatClient(server.ready.tls_endpoint, new AzureCommunicationTokenCredential(token), { tlsOptions: { ca }, retryOptions: { maxRetries: 0 } });
async function person(scopes = ['chat']) {
  const { user, token } = await identity.createUserAndToken(scopes);
  const client = clientOf(token);
  return { user, id: user.communicationUserId, token, client, thread: (id) => client.getChatThreadClient(id) };
}
async function threadOf(creator, others = []) {
  const { chatThread } = await creator.client.createChatThread({ topic: 'sdk' }, { participants: others.map((other) => ({ id: other.user })) });
  return chatThread.id;
}
async function first(pages) {
  return (await pages.next()).value;
}
const refused = (promise, status, code, target) => assert.rejects(promise, (error) => {
  assert.equal(error.statusCode, status, error.message);
  assert.equal(error.code, code);
  if (target) assert.equal(error.details?.error?.target ?? JSON.parse(error.response.bodyAsText).error.target, target);
  return true;
});
/** A request that the official client would never send. */
async function raw(token, method, path, body, type = 'application/json') {
  const headers = { authorization: `Bearer ${token}`, ...(body !== undefined && { 'content-type': type }) };
  const response = await fetch(new URL(`${path}?api-version=2025-03-15`, server.ready.endpoint), { method, headers, body });
  return { status: response.status, body: await response.json().catch(() => undefined) };
}

test('a token that is revoked or whose user is deleted opens nothing: 401', limit, async () => {
  const [alice, bob] = await Promise.all([person(), person()]);
  const thread = await threadOf(alice, [bob]);
  await identity.revokeTokens(alice.user);
  await refused(alice.thread(thread).sendMessage({ content: 'x' }), 401, 'Unauthorized');
  await identity.deleteUser(bob.user);
  await refused(bob.thread(thread).getProperties(), 401, 'Unauthorized');
});

test('a damaged token and one of another service are refused with 401', limit, async () => {
  const alice = await person();
  const [head, body] = alice.token.split('.');
  await refused(clientOf(`${head}.${body}.${'A'.repeat(86)}`).createChatThread({ topic: 'x' }), 401, 'Unauthorized');
  const elsewhere = await startServer();
  try {
    const { token } = await new CommunicationIdentityClient(elsewhere.ready.connection_string, { allowInsecureConnection: true }).createUserAndToken(['chat']);
    await refused(clientOf(token).createChatThread({ topic: 'x' }), 401, 'Unauthorized');
  } finally {
    await elsewhere.stop();
  }
});

test('scopes: without chat no thread is created, without a chat scope nothing is read: 403', limit, async () => {
  const [alice, joiner, limited, caller] = await Promise.all([person(), person(['chat.join']), person(['chat.join.limited']), person(['voip'])]);
  const thread = await threadOf(alice, [joiner, limited, caller]);
  for (const other of [joiner, limited, caller]) await refused(other.client.createChatThread({ topic: 'x' }), 403, 'Forbidden');
  await refused(joiner.client.deleteChatThread(thread), 403, 'Forbidden');
  await refused(joiner.thread(thread).updateTopic('x'), 403, 'Forbidden');
  await refused(limited.thread(thread).addParticipants({ participants: [{ id: alice.user }] }), 403, 'Forbidden');
  await refused(caller.thread(thread).sendMessage({ content: 'x' }), 403, 'Forbidden');
  await joiner.thread(thread).addParticipants({ participants: [{ id: (await person()).user }] });
  assert.ok((await limited.thread(thread).sendMessage({ content: 'x' })).id);
});

test('somebody who does not take part: 403; a thread or message that there is not: 404', limit, async () => {
  const [alice, mallory] = await Promise.all([person(), person()]);
  const thread = await threadOf(alice);
  const { id } = await alice.thread(thread).sendMessage({ content: 'x' });
  for (const call of [
    (t) => t.getProperties(), (t) => t.updateTopic('x'), (t) => t.sendMessage({ content: 'x' }), (t) => t.getMessage(id),
    (t) => t.updateMessage(id, { content: 'y' }), (t) => t.deleteMessage(id), (t) => first(t.listMessages()), (t) => first(t.listParticipants()),
    (t) => t.addParticipants({ participants: [{ id: mallory.user }] }), (t) => t.removeParticipant(alice.user), (t) => t.sendTypingNotification(),
    (t) => t.sendReadReceipt({ chatMessageId: id }), (t) => first(t.listReadReceipts()),
  ]) await refused(call(mallory.thread(thread)), 403, 'Forbidden');
  await refused(mallory.client.deleteChatThread(thread), 403, 'Forbidden');
  await refused(alice.thread('19:nothing@thread.v2').getProperties(), 404, 'NotFound');
  for (const call of [(t) => t.getMessage('1000000000000'), (t) => t.updateMessage('1000000000000', { content: 'x' }), (t) => t.deleteMessage('1000000000000'), (t) => t.sendReadReceipt({ chatMessageId: '1000000000000' }), (t) => t.getMessage('no number')])
    await refused(call(alice.thread(thread)), 404, 'NotFound');
});

test('too many participants: 400, and nobody is added', limit, async () => {
  const alice = await person();
  const resource = alice.id.slice(0, alice.id.indexOf('_'));
  const strangers = (count) => Array.from({ length: count }, () => ({ id: { communicationUserId: `${resource}_${randomUUID()}` } }));
  await refused(alice.client.createChatThread({ topic: 'x' }, { participants: strangers(201) }), 400, 'BadRequest', 'participants');
  await refused(alice.thread(await threadOf(alice)).addParticipants({ participants: strangers(201) }), 400, 'BadRequest', 'participants');
  const users = await Promise.all(Array.from({ length: 250 }, () => identity.createUser()));
  const thread = alice.thread(await threadOf(alice));
  assert.equal((await thread.addParticipants({ participants: users.slice(0, 200).map((id) => ({ id })) })).invalidParticipants, undefined);
  await refused(thread.addParticipants({ participants: users.slice(200).map((id) => ({ id })) }), 400, 'BadRequest', 'participants');
  await thread.addParticipants({ participants: users.slice(200, 249).map((id) => ({ id })) });
  await refused(thread.sendTypingNotification(), 400, 'BadRequest', 'threadId');
});

test('a user that does not exist, was deleted or belongs elsewhere is an invalid participant', limit, async () => {
  const alice = await person();
  const gone = await identity.createUser();
  await identity.deleteUser(gone);
  const resource = alice.id.slice(0, alice.id.indexOf('_'));
  const ids = [gone.communicationUserId, `${resource}_${randomUUID()}`, `8:acs:${randomUUID()}_${randomUUID()}`];
  const { invalidParticipants } = await alice.client.createChatThread({ topic: 'x' }, { participants: ids.map((id) => ({ id: { communicationUserId: id } })) });
  assert.deepEqual(invalidParticipants.map((error) => error.target).sort(), ids.sort());
});

test('oversize: 28 KB of content fit, more does not; a body over the limit is 413', limit, async () => {
  const alice = await person();
  const id = await threadOf(alice);
  const thread = alice.thread(id);
  await thread.sendMessage({ content: 'x'.repeat(28 * 1024) });
  await refused(thread.sendMessage({ content: 'x'.repeat(28 * 1024 + 1) }), 413, 'RequestEntityTooLarge', 'content');
  const { id: message } = await thread.sendMessage({ content: 'x' });
  await refused(thread.updateMessage(message, { content: 'x'.repeat(29 * 1024) }), 413, 'RequestEntityTooLarge', 'content');
  await refused(thread.sendMessage({ content: 'x'.repeat(1024 * 1024) }), 413, 'RequestEntityTooLarge');
  await refused(alice.client.createChatThread({ topic: 'x' }, { metadata: { k: 'x'.repeat(1024) } }), 400, 'BadRequest', 'metadata');
});

test('a bad continuation, page size and start time: 400 with the parameter', limit, async () => {
  const alice = await person();
  const id = await threadOf(alice);
  const path = `/chat/threads/${id}/messages`;
  for (const [query, target] of [['continuation=nonsense', 'continuation'], ['maxPageSize=0', 'maxPageSize'], ['maxPageSize=many', 'maxPageSize'], ['startTime=yesterday', 'startTime']]) {
    const response = await fetch(new URL(`${path}?api-version=2025-03-15&${query}`, server.ready.endpoint), { headers: { authorization: `Bearer ${alice.token}` } });
    assert.equal(response.status, 400, query);
    assert.equal((await response.json()).error.target, target);
  }
  await refused(first(alice.thread(id).listMessages({ maxPageSize: -1 })), 400, 'BadRequest', 'maxPageSize');
  await refused(first(alice.thread(id).listParticipants({ skip: -1 })), 400, 'BadRequest', 'skip');
});

test('malformed JSON is 400 with the position, another content type 415, a missing member 400 with its name', limit, async () => {
  const alice = await person();
  const id = await threadOf(alice);
  const path = `/chat/threads/${id}/messages`;
  const broken = await raw(alice.token, 'POST', path, '{"content": "x",}');
  assert.equal(broken.status, 400);
  assert.match(JSON.stringify(broken.body), /16|17/);
  assert.equal((await raw(alice.token, 'POST', path, 'content=x', 'text/plain')).status, 415);
  assert.equal((await raw(alice.token, 'POST', path, '{}')).body.error.target, 'content');
  assert.equal((await raw(alice.token, 'POST', path, '{"content": 7}')).body.error.target, 'content');
  assert.equal((await raw(alice.token, 'POST', path, '{"content": "x", "type": "topicUpdated"}')).body.error.target, 'type');
  assert.equal((await raw(alice.token, 'POST', `/chat/threads/${id}/participants/:add`, '{"participants":[{"displayName":"x"}]}')).body.error.target, 'participants[0].communicationIdentifier');
});

test('retention: 30 to 90 days or none', limit, async () => {
  const alice = await person();
  for (const days of [0, 29, 91])
    await refused(alice.client.createChatThread({ topic: 'x' }, { retentionPolicy: { kind: 'threadCreationDate', deleteThreadAfterDays: days } }), 400, 'BadRequest', 'retentionPolicy.deleteThreadAfterDays');
});

test('an idempotency token belongs to one request: 412 for another', limit, async () => {
  const alice = await person();
  const idempotencyToken = randomUUID();
  await alice.client.createChatThread({ topic: 'one' }, { idempotencyToken });
  await refused(alice.client.createChatThread({ topic: 'two' }, { idempotencyToken }), 412, 'PreconditionFailed');
});

test('only the sender edits and deletes, and a merge patch removes what is null', limit, async () => {
  const [alice, bob] = await Promise.all([person(), person()]);
  const id = await threadOf(alice, [bob]);
  const { id: message } = await alice.thread(id).sendMessage({ content: 'x' }, { metadata: { a: '1', b: '2' } });
  await refused(bob.thread(id).updateMessage(message, { content: 'y' }), 403, 'Forbidden');
  await refused(bob.thread(id).deleteMessage(message), 403, 'Forbidden');
  const patch = await raw(alice.token, 'PATCH', `/chat/threads/${id}/messages/${message}`, '{"metadata":{"a":null,"c":"3"}}', 'application/merge-patch+json');
  assert.equal(patch.status, 204);
  assert.deepEqual((await bob.thread(id).getMessage(message)).metadata, { b: '2', c: '3' });
});
