// The official chat client in headless Chromium, on a page of another origin: every route passes CORS, notifications arrive.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createServer } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { json as readJson } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { ChatClient } from '@azure/communication-chat';
import { AzureCommunicationTokenCredential } from '@azure/communication-common';
import { CommunicationIdentityClient } from '@azure/communication-identity';
import { startServer } from '../conformance/server.mjs';
import { documentedScripts, openBrowser } from './browser.mjs';

let server;
let chromium;
let identity;
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'trunkline-browser-test-'));

before(async () => {
  server = await startServer({ cwd: scratch });
  chromium = await openBrowser(server.ready.ca_file);
  identity = new CommunicationIdentityClient(server.ready.connection_string, { allowInsecureConnection: true });
});
after(async () => {
  await chromium?.close();
  await server?.stop();
  fs.rmSync(scratch, { recursive: true, force: true });
});

const tls = () => (server.ready.tls_endpoint.endsWith('/') ? server.ready.tls_endpoint : `${server.ready.tls_endpoint}/`);

const controlToken = () => new URLSearchParams(new URL(server.ready.console).hash.slice(1)).get('token');

/** A request of the control API from this process. */
async function control(method, path, body) {
  const answer = await fetch(server.ready.endpoint.replace(/\/?$/, path), {
    method, headers: { authorization: `Bearer ${controlToken()}`, 'content-type': 'application/json' }, body: body && JSON.stringify(body),
  });
  const json = answer.status === 204 ? {} : await answer.json();
  assert.ok(answer.ok, JSON.stringify(json));
  return json;
}

/** A phone writes to the resource, which is an event. */
const receiveText = (message) => control('POST', '/_control/phones/%2B14255550123/messages', { to: '+14255550100', message });

/** A webhook in this process; `answer` is its status for everything but validations. */
async function startReceiver() {
  const receiver = { got: [], answer: 200 };
  const http = createServer(async (request, response) => {
    const [event] = await readJson(request);
    if (event.data.validationCode) {
      response.end(JSON.stringify({ validationResponse: event.data.validationCode }));
    } else {
      receiver.got.push(event);
      response.writeHead(receiver.answer).end(receiver.answer === 200 ? '' : 'the till is closed');
    }
  });
  await new Promise((resolve) => { http.listen(0, '127.0.0.1', resolve); });
  receiver.url = `http://127.0.0.1:${http.address().port}/`;
  receiver.stop = () => { http.closeAllConnections(); http.close(); };
  return receiver;
}

/** A user with a client in this process. It speaks to the server through a transport of ours, since Node does not know its authority. */
async function user() {
  const { user: { communicationUserId: id }, token } = await identity.createUserAndToken(['chat']);
  const { createDefaultHttpClient } = await import('@azure/core-rest-pipeline');
  const plain = createDefaultHttpClient();
  const httpClient = {
    sendRequest(request) {
      request.url = request.url.replace(tls(), server.ready.endpoint.replace(/\/?$/, '/'));
      request.allowInsecureConnection = true;
      return plain.sendRequest(request);
    },
  };
  return { id, token, client: new ChatClient(tls(), new AzureCommunicationTokenCredential(token), { httpClient }) };
}

async function openPage() {
  const page = await chromium.browser.newPage();
  const complaints = [];
  page.on('console', (message) => { if (message.type() === 'error') complaints.push(message.text()); });
  await page.goto(chromium.url);
  return { page, complaints };
}

/** Waits until `pick` of what the page has seen is true. */
async function until(page, what, pick) {
  for (let i = 0; i < 400; i += 1) {
    const value = await page.evaluate(what);
    if (pick(value)) return value;
    await new Promise((resolve) => { setTimeout(resolve, 25); });
  }
  assert.fail(`not within 10 s: ${pick}; seen ${JSON.stringify(await page.evaluate(what)).slice(0, 800)}`);
}

test('the official client receives every kind of event, and sends, from a page of another origin', async () => {
  const [listener, actor, third] = [await user(), await user(), await user()];
  const { page, complaints } = await openPage();
  await page.evaluate(([endpoint, token]) => window.tour.start(endpoint, token), [tls(), listener.token]);
  const seen = (name) => until(page, 'window.tour.seen', (all) => all.some((event) => event.name === name)).then((all) => all.find((event) => event.name === name).payload);
  await seen('realTimeNotificationConnected');

  const { chatThread } = await actor.client.createChatThread({ topic: '50% off' }, { participants: [{ id: { communicationUserId: listener.id }, displayName: 'Listener' }] });
  const created = await seen('chatThreadCreated');
  assert.equal(created.threadId, chatThread.id);
  assert.equal(created.properties.topic, '50% off');
  const thread = actor.client.getChatThreadClient(chatThread.id);
  await thread.sendTypingNotification();
  assert.equal((await seen('typingIndicatorReceived')).sender.communicationUserId, actor.id);
  const { id } = await thread.sendMessage({ content: 'hello browser' }, { senderDisplayName: 'Actor' });
  const received = await seen('chatMessageReceived');
  assert.equal(received.message, 'hello browser');
  assert.equal(received.recipient.communicationUserId, listener.id);
  await thread.updateMessage(id, { content: 'edited' });
  assert.equal((await seen('chatMessageEdited')).message, 'edited');
  await thread.sendReadReceipt({ chatMessageId: id });
  await seen('readReceiptReceived');
  await thread.deleteMessage(id);
  await seen('chatMessageDeleted');
  await thread.updateTopic('renamed');
  assert.equal((await seen('chatThreadPropertiesUpdated')).properties.topic, 'renamed');
  await thread.addParticipants({ participants: [{ id: { communicationUserId: third.id }, displayName: 'Third' }] });
  await seen('participantsAdded');
  await thread.removeParticipant({ communicationUserId: third.id });
  await seen('participantsRemoved');

  await page.evaluate(([threadId, text]) => window.tour.send(threadId, text), [chatThread.id, 'from the page']);
  assert.ok((await page.evaluate((threadId) => window.tour.list(threadId), chatThread.id)).includes('from the page'));
  await until(page, 'window.tour.seen', (all) => all.some((event) => event.payload?.message === 'from the page'));  // one's own come back

  await actor.client.deleteChatThread(chatThread.id);
  await seen('chatThreadDeleted');
  await page.evaluate(() => window.tour.stop());
  assert.deepEqual(complaints, []);
  await page.close();
});

test('a revoked token ends the channel of the page', async () => {
  const listener = await user();
  const { page } = await openPage();
  await page.evaluate(([endpoint, token]) => window.tour.start(endpoint, token), [tls(), listener.token]);
  await until(page, 'window.tour.seen', (all) => all.some((event) => event.name === 'realTimeNotificationConnected'));
  await identity.revokeTokens({ communicationUserId: listener.id });
  await until(page, 'window.tour.seen', (all) => all.some((event) => event.name === 'realTimeNotificationDisconnected'));
  await page.close();
});

test('the open stream: a WebSocket with the token as a subprotocol, and server-sent events', async () => {
  const [listener, actor] = [await user(), await user()];
  const { page, complaints } = await openPage();
  assert.equal(await page.evaluate(([endpoint, token]) => window.tour.socket(endpoint, token), [tls(), listener.token]), 'trunkline.chat.v1');
  await page.evaluate(([endpoint, token]) => window.tour.events(endpoint, token), [tls(), listener.token]);
  const { chatThread } = await actor.client.createChatThread({ topic: 'open' }, { participants: [{ id: { communicationUserId: listener.id } }] });
  await actor.client.getChatThreadClient(chatThread.id).sendMessage({ content: 'both ways' });
  const both = await until(page, 'window.tour.streams()', ({ socket, events }) =>
    [socket, events].every((list) => list.some((event) => event.data?.messageBody === 'both ways')));
  const last = both.events.at(-1);
  assert.equal(last.cursor, last.lastEventId);
  assert.deepEqual(both.socket.map((event) => event.cursor), both.events.map((event) => event.cursor));
  await identity.revokeTokens({ communicationUserId: listener.id });
  await until(page, 'window.tour.streams()', ({ socket }) => socket.at(-1).closed === 4401);
  assert.deepEqual(complaints.filter((text) => !text.includes('401')), []);
  await page.close();
});

test('what the guide shows to browsers does what it says', async () => {
  const [listener, actor] = [await user(), await user()];
  const { page } = await openPage();
  const printed = [];
  page.on('console', (message) => printed.push(message.text()));
  await page.evaluate((given) => { window.given = given; }, { token: listener.token, cursor: 0 });
  for (const content of await documentedScripts('docs/guide/realtime-chat.md', tls())) await page.addScriptTag({ content });
  const { chatThread } = await actor.client.createChatThread({ topic: 'guide' }, { participants: [{ id: { communicationUserId: listener.id } }] });
  const thread = actor.client.getChatThreadClient(chatThread.id);
  // The official client says nothing about when its registration is complete: it hears one of these.
  const wanted = [/^Ann \d+$/, /^Microsoft\.Communication\.ChatMessageReceivedInThread$/, /^thread\/19:/];
  for (let i = 0; i < 400 && !wanted.every((pattern) => printed.some((line) => pattern.test(line))); i += 1) {
    if (i % 20 === 0) await thread.sendMessage({ content: String(i) }, { senderDisplayName: 'Ann' });
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
  for (const pattern of wanted) assert.ok(printed.some((line) => pattern.test(line)), `${pattern} in ${printed.join(', ')}`);
  await page.close();
});

test('what the guide shows to browsers about events does what it says', async () => {
  const { page, complaints } = await openPage();
  const told = async (start) => {
    const message = await page.waitForEvent('console', { predicate: (one) => one.text().startsWith(start), timeout: 10_000 });
    return message.text();
  };
  const socket = told('socket');
  const { next } = await control('GET', '/_control/events?limit=1');
  await page.evaluate((given) => { window.given = given; }, { token: controlToken(), cursor: next });
  for (const content of await documentedScripts('docs/guide/event-subscriptions.md', tls())) await page.addScriptTag({ content });
  let heard = false;
  const source = told('source').finally(() => { heard = true; });
  for (let i = 0; !heard; i += 1) await receiveText(`number ${i}`);  // until both streams have begun
  assert.equal(await source, 'source Microsoft.Communication.SMSReceived true');
  assert.equal(await socket, 'socket Microsoft.Communication.SMSReceived number 0');
  assert.deepEqual(complaints, []);
  await page.close();
});

test('the console shows a mail with its page, which runs nothing, and takes a complaint', async () => {
  const page = await chromium.browser.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  try {
    const mime = ['From: ann@example.com', 'Subject: from the mail test', 'MIME-Version: 1.0', 'Content-Type: text/html; charset=utf-8', '',
      '<p id="shown">Hello</p><script>parent.document.title = "taken over"</script>', ''].join('\r\n');
    await control('POST', '/_control/mails', { from: 'ann@example.com', to: ['support@sandbox.trunkline.test'], mime });
    await page.goto(server.ready.console);
    await page.locator('[data-test="mailbox-support@sandbox.trunkline.test"]').click();
    await page.locator('[data-test=mails] tr', { hasText: 'from the mail test' }).first().click();
    const mail = page.locator('[data-test=mail]');
    await mail.frameLocator('iframe').locator('#shown').waitFor();
    assert.match(await mail.innerText(), /Subject: from the mail test/);
    await page.locator('[data-test=raw]').click();
    await mail.getByText('Content-Type: text/html').last().waitFor();
    assert.equal(await page.title(), 'Trunkline console');
    await page.locator('[data-test=close-mail]').click();
    await mail.waitFor({ state: 'hidden' });
    assert.deepEqual(complaints, []);
  } finally {
    await page.close();
  }
});

test('the console says what became of an event, and sends it again', async () => {
  const receiver = await startReceiver();
  const page = await chromium.browser.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  try {
    await control('PUT', '/_control/event-subscriptions/till', { endpoint: receiver.url, types: ['SMSReceived'] });
    await control('PUT', '/_control/event-subscriptions/reports', { endpoint: receiver.url, types: ['SMSDeliveryReportReceived'] });
    receiver.answer = 503;
    await page.goto(server.ready.console);
    await receiveText('from the console test');
    await page.locator('[data-test=events] tr', { hasText: 'from the console test' }).first().click();
    const till = page.locator('[data-test=at-till]');
    await till.getByText('1 attempt failed (status 503); the next one at').waitFor();
    assert.match(await till.locator('table').innerText(), /the till is closed/);
    assert.match(await page.locator('[data-test=at-reports]').innerText(), /includedEventTypes wants .*SMSDeliveryReportReceived, found .*SMSReceived/);
    const card = page.locator('[data-test=subscriptions] .card', { hasText: 'till' });
    await card.getByText('1 retrying').waitFor();
    receiver.answer = 200;
    await page.locator('[data-test=redeliver-till]').click();
    await till.getByText(/delivered at .* by attempt 2/).waitFor();
    assert.equal(receiver.got.filter((event) => event.data.message === 'from the console test').length, 2);
    await page.locator('[data-test=close]').click();
    await page.locator('[data-test=event]').waitFor({ state: 'hidden' });
    assert.deepEqual(complaints, []);
  } finally {
    receiver.stop();
    await page.close();
    for (const name of ['till', 'reports']) await control('DELETE', `/_control/event-subscriptions/${name}`);
  }
});

test('a page of an origin that is not allowed gets nothing', async () => {
  const listener = await user();
  const { page } = await openPage();
  await page.route('http://elsewhere.example/', (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }));
  await page.goto('http://elsewhere.example/');
  const outcome = await page.evaluate(async ([endpoint, token]) => {
    const fetched = await fetch(`${endpoint}chat/threads?api-version=2024-03-07`, { headers: { authorization: `Bearer ${token}` } }).then(() => 'answered', () => 'refused');
    const socket = new WebSocket(`${endpoint.replace('http', 'ws')}_stream/chat?access_token=${token}`);
    const opened = await new Promise((resolve) => { socket.onopen = () => resolve('answered'); socket.onerror = () => resolve('refused'); });
    return [fetched, opened];
  }, [tls(), listener.token]);
  assert.deepEqual(outcome, ['refused', 'refused']);
  await page.close();
});
