// Pages in headless Chromium that call and are called with JsSIP: SIP over a WebSocket of the server, sound over WebRTC.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { CallAutomationClient } from '@azure/communication-call-automation';
import { CommunicationIdentityClient } from '@azure/communication-identity';
import { RoomsClient } from '@azure/communication-rooms';
import { startServer } from '../conformance/server.mjs';
import { startApplication } from './application.mjs';
import { bundled, documentedScripts, microphone, openBrowser } from './browser.mjs';
import { toneFile } from './sound.mjs';

const NUMBER = '+14255550100';
const [ANN_HZ, BOB_HZ, PROMPT_HZ] = [600, 1500, 1000];
const CONFIG = `
store: {mode: memory}
listen: {host: 127.0.0.1, cors_origins: [localhost]}
control: {enabled: true}
providers:
  - {name: local-identity, plugin: identity-local}
  - {name: browsers, plugin: pstn-webrtc, config: {consent_seconds: 5}}
resources:
  - name: trunkline
    id: 7472756e-6b6c-496e-8565-000000000001
    data_location: United States
    primary_key: {value: dHJ1bmtsaW5lLWRldmVsb3BtZW50LWFjY2Vzcy1rZXk=}
    numbers:
      - {number: "${NUMBER}", type: geographic, sms: both, calling: both}
`;
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'trunkline-browser-sip-'));
let server;
let ann;  // two browsers, since a browser has one microphone
let bob;
let identity;
let automation;
let application;
let script;

before(async () => {
  fs.writeFileSync(path.join(scratch, 'trunkline.yaml'), CONFIG);
  server = await startServer({ cwd: scratch, args: ['--config', 'trunkline.yaml', '--tls-port', '0'] });
  [ann, bob] = await Promise.all([[ANN_HZ, 'ann'], [BOB_HZ, 'bob']].map(([hz, name]) => {
    const file = path.join(scratch, `${name}.wav`);
    fs.writeFileSync(file, toneFile(hz, 10, 48_000));
    return openBrowser(server.ready.ca_file, microphone(file));
  }));
  identity = new CommunicationIdentityClient(server.ready.connection_string, { allowInsecureConnection: true });
  automation = new CallAutomationClient(server.ready.connection_string, { allowInsecureConnection: true });
  application = await startApplication(server, PROMPT_HZ);
  script = await bundled('sip_phone.mjs');
});
after(async () => {
  await Promise.all([ann?.close(), bob?.close()]);
  await server?.stop();
  application?.stop();
  fs.rmSync(scratch, { recursive: true, force: true });
});

async function user(scopes = ['voip']) {
  const { user: { communicationUserId: id }, token } = await identity.createUserAndToken(scopes);
  return { id, token };
}

/** A page of that user, with its socket open. */
async function open(browser, { token }) {
  const page = await browser.browser.newPage();
  await page.goto(browser.url);
  await page.addScriptTag({ content: script });
  const url = new URL(`/_sip/browsers?access_token=${token}`, server.ready.tls_endpoint.replace('https', 'wss')).href;
  const phone = (name, ...given) => page.evaluate(([member, ...rest]) => window.phone[member](...rest), [name, ...given]);
  await phone('start', url, 'sip:page@trunkline.example');
  const until = (what, wanted, ...given) => page.waitForFunction(
    ([member, value, rest]) => window.phone[member](...rest).some?.((one) => one.startsWith(value)), [what, wanted, given], { timeout: 20_000, polling: 50 })
    .catch(async () => assert.fail(`no '${wanted}' in ${JSON.stringify(await phone(what, ...given))}`));
  await until('said', 'connected');
  return {
    page,
    phone,
    until,
    hearsNothing: (call) => page.waitForFunction((given) => window.phone.hears(given) === 0, call, { timeout: 20_000, polling: 50 }),
    hears: (call, hz) => page.waitForFunction(([given, value]) => Math.abs(window.phone.hears(given) - value) < 20, [call, hz], { timeout: 20_000, polling: 50 }),
  };
}

test('a page calls a number with JsSIP: both hear each other, keys arrive both ways, and either hangs up', async () => {
  const caller = await user();
  const page = await open(ann, caller);
  const call = await page.phone('call', `sip:${NUMBER}@trunkline.example`);
  await page.until('heard', 'progress', call);
  const incoming = await application.told('IncomingCall', (event) => event.from.rawId === caller.id);
  assert.equal(incoming.to.phoneNumber.value, NUMBER);
  const { callConnection, callConnectionProperties: { callConnectionId: id } } = await automation.answerCall(incoming.incomingCallContext, application.url);
  await page.until('heard', 'confirmed', call);
  await application.told('CallConnected', (event) => event.callConnectionId === id);
  const media = callConnection.getCallMedia();
  await media.playToAll([{ kind: 'fileSource', url: `${application.url}prompt.wav` }]);
  await page.hears(call, PROMPT_HZ);
  await media.startContinuousDtmfRecognition({ communicationUserId: caller.id });
  await page.phone('press', call, '5', 'INFO');
  await application.told('ContinuousDtmfRecognitionToneReceived', (event) => event.callConnectionId === id && event.tone === 'five');
  await page.phone('press', call, '7', 'RFC2833');
  await application.told('ContinuousDtmfRecognitionToneReceived', (event) => event.callConnectionId === id && event.tone === 'seven');
  await page.phone('hangUp', call);
  await application.told('CallDisconnected', (event) => event.callConnectionId === id);
  await page.until('heard', 'ended', call);

  const again = await page.phone('call', `sip:${NUMBER}@trunkline.example`);
  const second = await application.told('IncomingCall', (event) => event.from.rawId === caller.id && event.correlationId !== incoming.correlationId);
  const { callConnection: other } = await automation.answerCall(second.incomingCallContext, application.url);
  await page.until('heard', 'confirmed', again);
  await other.hangUp(true);
  await page.until('heard', 'ended', again);
  await page.page.close();
});

test('a page that has registered is rung, answers with late offer, is heard; and declines', async () => {
  const callee = await user();
  const page = await open(bob, callee);
  await page.phone('register');
  await page.until('said', 'registered');
  const { callConnectionProperties: { callConnectionId: id }, callConnection } = await automation.createCall(
    { targetParticipant: { communicationUserId: callee.id }, sourceDisplayName: 'Reception' }, application.url);
  await page.until('heard', 'remote call', 0);
  assert.equal(await page.phone('from', 0), 'Reception');
  await page.phone('answer', 0);
  await application.told('CallConnected', (event) => event.callConnectionId === id);
  await page.until('heard', 'confirmed', 0);
  await callConnection.getCallMedia().playToAll([{ kind: 'fileSource', url: `${application.url}prompt.wav` }]);
  await page.hears(0, PROMPT_HZ);
  await page.phone('hangUp', 0);
  await application.told('CallDisconnected', (event) => event.callConnectionId === id);

  const declined = await automation.createCall({ targetParticipant: { communicationUserId: callee.id } }, application.url);
  await page.until('heard', 'remote call', 1);
  await page.phone('hangUp', 1, 603);
  const failed = await application.told('CreateCallFailed', (event) => event.callConnectionId === declined.callConnectionProperties.callConnectionId);
  assert.equal(failed.resultInformation.code, 603);

  const dropped = await automation.createCall({ targetParticipant: { communicationUserId: callee.id } }, application.url);
  await page.until('heard', 'remote call', 2);
  await dropped.callConnection.hangUp(true);
  await page.until('heard', 'failed', 2);

  await page.phone('unregister');
  await page.until('said', 'unregistered');
  await page.page.close();
});

test('a page with JsSIP holds and goes on, by INVITE and by UPDATE, over the connection that there is', async () => {
  const group = randomUUID();
  const pages = [await open(ann, await user()), await open(bob, await user())];
  const calls = await Promise.all(pages.map((page) => page.phone('call', `sip:group%3A${group}@trunkline.example`)));
  await Promise.all(pages.map((page, i) => page.until('heard', 'confirmed', calls[i])));
  for (const options of [{}, { useUpdate: true }]) {
    await pages[0].hears(calls[0], BOB_HZ);
    await pages[1].hears(calls[1], ANN_HZ);
    await pages[0].phone('hold', calls[0], true, options);
    await pages[0].hearsNothing(calls[0]);
    await pages[1].hearsNothing(calls[1]);  // the page sends silence
    assert.deepEqual(await pages[0].phone('directions', calls[0]), ['sendonly']);
    await pages[0].phone('hold', calls[0], false, options);
    assert.deepEqual(await pages[0].phone('directions', calls[0]), ['sendrecv']);
  }
  await pages[0].hears(calls[0], BOB_HZ);
  await pages[1].hears(calls[1], ANN_HZ);
  await Promise.all(pages.map(({ page }) => page.close()));
});

test('two pages with JsSIP in a group hear each other', async () => {
  const group = randomUUID();
  const pages = [await open(ann, await user(['voip.join'])), await open(bob, await user())];
  const calls = await Promise.all(pages.map((page) => page.phone('call', `sip:group%3A${group}@trunkline.example`)));
  await Promise.all(pages.map((page, i) => page.until('heard', 'confirmed', calls[i])));
  await pages[0].hears(calls[0], BOB_HZ);
  await pages[1].hears(calls[1], ANN_HZ);
  await pages[0].page.close();
  await pages[1].phone('hangUp', calls[1]);
  await pages[1].page.close();
});

test('a room is entered by SIP: by those who are invited, and who only listens is not heard', async () => {
  const [host, guest, stranger] = [await user(['voip.join']), await user(['voip.join']), await user()];
  const rooms = new RoomsClient(server.ready.connection_string, { allowInsecureConnection: true });
  const room = await rooms.createRoom({ participants: [
    { id: { communicationUserId: host.id }, role: 'Presenter' }, { id: { communicationUserId: guest.id }, role: 'Consumer' },
  ] });
  const pages = [await open(ann, host), await open(bob, guest), await open(bob, stranger)];
  const target = `sip:room%3A${room.id}@trunkline.example`;
  const refused = await pages[2].phone('call', target);
  await pages[2].until('heard', 'failed', refused);
  const calls = [await pages[0].phone('call', target), await pages[1].phone('call', target)];
  await Promise.all(calls.map((call, i) => pages[i].until('heard', 'confirmed', call)));
  await pages[1].hears(calls[1], ANN_HZ);
  assert.ok(Math.abs(await pages[0].phone('hears', calls[0]) - BOB_HZ) > 100, 'a consumer is not heard');
  const { callConnection, callConnectionProperties: { callConnectionId: id } } = await automation.connectCall({ kind: 'roomCallLocator', id: room.id }, application.url);
  await application.told('ParticipantsUpdated', (event) => event.callConnectionId === id && event.participants.length === 3);
  await callConnection.getCallMedia().playToAll([{ kind: 'fileSource', url: `${application.url}prompt.wav` }]);
  await pages[0].hears(calls[0], PROMPT_HZ);
  await callConnection.hangUp(true);
  await Promise.all(calls.map((call, i) => pages[i].until('heard', 'ended', call)));
  await Promise.all(pages.map(({ page }) => page.close()));
});

test('the page of the guide registers, calls, and is called', async () => {
  const caller = await user();
  const page = await ann.browser.newPage();
  const printed = [];
  page.on('console', (message) => printed.push(message.text()));
  await page.goto(ann.url);
  await page.evaluate((given) => { window.given = given; }, { token: caller.token });
  const says = async (line) => {
    if (!printed.includes(line)) await page.waitForEvent('console', { predicate: (message) => message.text() === line, timeout: 20_000 }).catch(() => assert.fail(`no '${line}' in ${printed.join(', ')}`));
  };
  for (const content of await documentedScripts('docs/guide/browser-sip.md', server.ready.tls_endpoint)) await page.addScriptTag({ content });
  await says('registered');
  const incoming = await application.told('IncomingCall', (event) => event.from.rawId === caller.id);
  const { callConnection } = await automation.answerCall(incoming.incomingCallContext, application.url);
  await says('talking');
  await callConnection.hangUp(true);
  await says('over: Terminated');
  const { callConnectionProperties: { callConnectionId: id }, callConnection: second } = await automation.createCall(
    { targetParticipant: { communicationUserId: caller.id }, sourceDisplayName: 'Reception' }, application.url);
  await says('Reception calls');
  await application.told('CallConnected', (event) => event.callConnectionId === id);
  await second.hangUp(true);
  await page.close();
});

test('what cannot be called is refused, an unwanted call is taken back, and a page that goes ends its call', async () => {
  const caller = await user();
  const page = await open(ann, caller);
  for (const [target, why] of [['+14255550199', 'failed Not Found'], ['nobody', 'failed Not Found'], ['room%3A99', 'failed Not Found']]) {
    const call = await page.phone('call', `sip:${target}@trunkline.example`);
    await page.until('heard', why, call);
  }
  const call = await page.phone('call', `sip:${NUMBER}@trunkline.example`);
  await page.until('heard', 'progress', call);
  const incoming = await application.told('IncomingCall', (event) => event.from.rawId === caller.id);
  await page.phone('hangUp', call);
  await page.until('heard', 'failed Canceled', call);
  await assert.rejects(automation.answerCall(incoming.incomingCallContext, application.url));

  const rejected = await page.phone('call', `sip:${NUMBER}@trunkline.example`);
  const second = await application.told('IncomingCall', (event) => event.from.rawId === caller.id && event.correlationId !== incoming.correlationId);
  await automation.rejectCall(second.incomingCallContext, { callRejectReason: 'busy' });
  await page.until('heard', 'failed Busy', rejected);

  const last = await page.phone('call', `sip:${NUMBER}@trunkline.example`);
  const known = [incoming.correlationId, second.correlationId];
  const third = await application.told('IncomingCall', (event) => event.from.rawId === caller.id && !known.includes(event.correlationId));
  const { callConnectionProperties: { callConnectionId: id } } = await automation.answerCall(third.incomingCallContext, application.url);
  await page.until('heard', 'confirmed', last);
  await page.page.close();
  await application.told('CallDisconnected', (event) => event.callConnectionId === id);
});

test('only users with a token that is good for calls; one that is revoked begins nothing new', async () => {
  const asking = await ann.browser.newPage();
  await asking.goto(ann.url);
  const socket = (token, protocol = 'sip') => asking.evaluate(([url, wanted]) => new Promise((resolve) => {
    const opened = new WebSocket(url, wanted);
    opened.onopen = () => { opened.close(); resolve('open'); };
    opened.onerror = () => resolve('refused');
  }), [new URL(`/_sip/browsers?access_token=${token}`, server.ready.endpoint.replace('http', 'ws')).href, protocol]);
  const fine = await user();
  assert.equal(await socket(fine.token), 'open');
  assert.equal(await socket('nonsense'), 'refused');
  assert.equal(await socket((await user(['chat'])).token), 'refused');
  assert.equal(await socket(fine.token, 'xmpp'), 'refused');
  await asking.route('http://elsewhere.example/', (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }));
  await asking.goto('http://elsewhere.example/');
  assert.equal(await socket(fine.token), 'refused', 'an origin that is not allowed');
  const page = await open(ann, fine);
  await page.phone('register');
  await page.until('said', 'registered');
  const joiner = await open(ann, await user(['voip.join']));
  await joiner.phone('register');
  await joiner.until('said', 'registrationFailed');
  await identity.revokeTokens({ communicationUserId: fine.id });
  const call = await page.phone('call', `sip:${NUMBER}@trunkline.example`);
  await page.until('heard', 'failed Authentication Error', call);
  await Promise.all([page.page, joiner.page, asking].map((one) => one.close()));
});
