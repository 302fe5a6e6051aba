// Pages in headless Chromium that call and are called over WebRTC; the application at the other end uses the official
// Call Automation client.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CallAutomationClient } from '@azure/communication-call-automation';
import { CommunicationIdentityClient } from '@azure/communication-identity';
import { startServer } from '../conformance/server.mjs';
import { startApplication } from './application.mjs';
import { documentedScripts, microphone, openBrowser } from './browser.mjs';
import { strongest, toneFile } from './sound.mjs';

const NUMBER = '+14255550100';
const KEY = 'dHJ1bmtsaW5lLWRldmVsb3BtZW50LWFjY2Vzcy1rZXk=';
const [ANN_HZ, BOB_HZ, PROMPT_HZ] = [600, 1500, 1000];
const CONFIG = `
store: {mode: memory}
listen: {host: 127.0.0.1, cors_origins: [localhost]}
control: {enabled: true}
providers:
  - {name: local-identity, plugin: identity-local}
  - {name: browsers, plugin: pstn-webrtc, config: {consent_seconds: 5}}
  - {name: line, plugin: pstn-sip, config: {address: 127.0.0.1, port: SIP_PORT, rtp_port_first: 25000, rtp_port_last: 25099, options_seconds: 0, trunks: [{host: sbc.example.test, address: 127.0.0.1, port: PHONE_PORT}]}}
  - {name: others, plugin: pstn-webrtc, isolation: process, config: {rtp_port_first: 24000, rtp_port_last: 24099}}
  - {name: walled, plugin: pstn-webrtc, config: {rtp_port_first: 24400, rtp_port_last: 24499, second_address: "::1", ice_tcp_port: TCP_PORT}}
  - {name: relayed, plugin: pstn-webrtc, config: {rtp_port_first: 24200, rtp_port_last: 24299, ice_servers: [{urls: ["turn:127.0.0.1:TURN_PORT?transport=udp"]}]}, secrets: {turn: {value: north}}}
resources:
  - name: trunkline
    id: 7472756e-6b6c-496e-8565-000000000001
    data_location: United States
    primary_key: {value: ${KEY}}
    numbers:
      - {number: "${NUMBER}", type: geographic, sms: both, calling: both}
`;

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'trunkline-browser-calls-'));
const phoneScript = fs.readFileSync(path.join(path.dirname(fileURLToPath(import.meta.url)), 'phone.mjs'), 'utf8');
let server;
let [config, sipPort, phonePort, tcpPort] = [];
let ann;  // two browsers, since a browser has one microphone
let bob;
let identity;
let automation;
let application;
let relay;

before(async () => {
  const turnPort = await freePort();
  [sipPort, phonePort, tcpPort] = [await freePort(), await freePort(), await freePort()];
  config = CONFIG.replace('SIP_PORT', sipPort).replace('PHONE_PORT', phonePort).replace('TURN_PORT', turnPort).replace('TCP_PORT', tcpPort);
  relay = await startRelay(turnPort);
  fs.writeFileSync(path.join(scratch, 'trunkline.yaml'), config);
  server = await startServer({ cwd: scratch, args: ['--config', 'trunkline.yaml', '--tls-port', '0'] });
  [ann, bob] = await Promise.all([[ANN_HZ, 'ann'], [BOB_HZ, 'bob']].map(([hz, name]) => {
    const file = path.join(scratch, `${name}.wav`);
    fs.writeFileSync(file, toneFile(hz, 10, 48_000));
    return openBrowser(server.ready.ca_file, microphone(file));
  }));
  identity = new CommunicationIdentityClient(server.ready.connection_string, { allowInsecureConnection: true });
  automation = new CallAutomationClient(server.ready.connection_string, { allowInsecureConnection: true });
  application = await startApplication(server, PROMPT_HZ);
});
after(async () => {
  await Promise.all([ann?.close(), bob?.close()]);
  await server?.stop();
  relay?.kill();
  application?.stop();
  fs.rmSync(scratch, { recursive: true, force: true });
});

/** A port that nobody has over UDP. */
async function freePort() {
  const socket = dgram.createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

/** coturn, with the secret that the configuration names. */
async function startRelay(port) {
  const program = spawn('turnserver', ['-n', '--listening-ip=127.0.0.1', '--relay-ip=127.0.0.1', `--listening-port=${port}`, '--min-port=24300', '--max-port=24399',
    '--use-auth-secret', '--static-auth-secret=north', '--realm=trunkline.test', '--allow-loopback-peers', '--no-cli', '--no-tls', '--no-dtls', '--no-tcp', '--log-file=stdout', '--simple-log',
    `--pidfile=${path.join(scratch, 'turn.pid')}`, `--userdb=${path.join(scratch, 'turn.db')}`], { stdio: ['ignore', 'pipe', 'ignore'] });
  process.once('exit', () => program.kill());
  program.once('error', (error) => { throw new Error(`no coturn: ${error.message}`); });
  let said = '';
  await new Promise((resolve, reject) => {
    program.stdout.on('data', (data) => {
      said = (said + data).slice(-4000);
      if (said.includes('Total General servers')) resolve();
    });
    program.once('close', () => reject(new Error(`coturn has ended: ${said}`)));
  });
  return program;
}

const endpoint = (provider = 'browsers') => new URL(`/_webrtc/${provider}`, server.ready.tls_endpoint).href;

async function user(scopes = ['voip']) {
  const { user: { communicationUserId: id }, token } = await identity.createUserAndToken(scopes);
  return { id, token };
}

/** A page of that user. */
async function open(browser, { token }, provider) {
  const page = await browser.browser.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(browser.url);
  await page.evaluate((given) => Object.assign(window, given), { endpoint: endpoint(provider), token });
  await page.addScriptTag({ content: phoneScript, type: 'module' });
  await page.waitForFunction(() => window.phone);
  return {
    page,
    complaints,
    phone: (name, ...given) => page.evaluate(([member, ...rest]) => window.phone[member](...rest), [name, ...given]),
    /** Sets up sound, and says which call it is. */
    async connect(where, options) {
      const joined = await this.phone('connect', where, options);
      assert.equal(joined.status, 201, joined.body);
      return joined.call;
    },
    until: (what, call, wanted) => page.waitForFunction(([member, given, value]) => window.phone[member](given).includes(value), [what, call, wanted], { timeout: 20_000, polling: 50 }),
    /** How its sound goes, once that is settled: the server may say "answered" before the page has seen it. */
    way: async (call) => (await page.waitForFunction((given) => window.phone.way(given), call, { timeout: 20_000, polling: 50 })).jsonValue(),
    hears: (call, hz) => page.waitForFunction(([given, value]) => Math.abs(window.phone.hears(given) - value) < 20, [call, hz], { timeout: 20_000, polling: 50 }),
  };
}

/** Answers the call that a page of the user has made; resolves with the connection. */
async function answer(from) {
  const incoming = await application.told('IncomingCall', (event) => event.from.rawId === from.id);
  const { callConnection, callConnectionProperties } = await automation.answerCall(incoming.incomingCallContext, application.url);
  await application.told('CallConnected', (event) => event.callConnectionId === callConnectionProperties.callConnectionId);
  return { incoming, connection: callConnection, id: callConnectionProperties.callConnectionId };
}

test('a page calls a number: both hear each other, keys arrive, and the recording has what the page said', async () => {
  const caller = await user();
  const page = await open(ann, caller);
  const call = await page.connect(`?to=${encodeURIComponent(NUMBER)}`);
  await page.until('states', call, 'ringing');
  const { incoming, connection, id } = await answer(caller);
  assert.deepEqual(incoming.from.communicationUser, { id: caller.id });
  assert.equal(incoming.to.phoneNumber.value, NUMBER);
  await page.until('states', call, 'answered');

  const { recordingId } = await automation.getCallRecording().start({ callLocator: { kind: 'serverCallLocator', id: incoming.serverCallId }, recordingContent: 'audio', recordingChannel: 'mixed', recordingFormat: 'wav' });
  const media = connection.getCallMedia();
  await media.playToAll([{ kind: 'fileSource', url: `${application.url}prompt.wav` }]);
  await page.hears(call, PROMPT_HZ);
  await media.startContinuousDtmfRecognition({ communicationUserId: caller.id });
  await page.phone('press', call, '5#');
  for (const tone of ['five', 'pound'])
    await application.told('ContinuousDtmfRecognitionToneReceived', (event) => event.callConnectionId === id && event.tone === tone);
  await automation.getCallRecording().stop(recordingId);
  const { recordingStorageInfo: { recordingChunks: [chunk] } } = await application.told('RecordingFileStatusUpdated');
  const file = await fetchRecording(chunk.documentId);
  // It is mixed: the prompt is in it as well, and as loud.
  for (const hz of [ANN_HZ, PROMPT_HZ]) assert.ok(strongest(file, hz) > 0.3, `${hz} Hz: ${strongest(file, hz)}`);
  assert.ok(strongest(file, BOB_HZ) < 0.05);

  assert.equal(await page.phone('leave', call), 200);
  const { resultInformation } = await application.told('CallDisconnected', (event) => event.callConnectionId === id);
  assert.equal(resultInformation.code, 200);
  await page.until('states', call, 'ended');
  assert.deepEqual(page.complaints, []);
  await page.page.close();
});

/** What is recorded, as the SDK fetches it. */
async function fetchRecording(document) {
  const { createDefaultHttpClient } = await import('@azure/core-rest-pipeline');
  const inner = createDefaultHttpClient();
  const here = new URL(server.ready.endpoint);
  const httpClient = {
    sendRequest(request) {
      request.url = Object.assign(new URL(request.url), { protocol: 'http:', host: here.host }).href;
      request.allowInsecureConnection = true;
      return inner.sendRequest(request);
    },
  };
  const storage = new CallAutomationClient(server.ready.connection_string, { allowInsecureConnection: true, httpClient }).getCallRecording();
  const parts = [];
  for await (const part of await storage.downloadStreaming(`https://storage.asm.skype.com/v1/objects/${document}/content/audio`)) parts.push(part);
  return Buffer.concat(parts);
}

test('a page and a telephone behind a trunk are in one call: what the page says comes back from there', async () => {
  // SIPp answers, and sends the sound back that it gets.
  const phone = spawn('sipp', ['-sn', 'uas', '-i', '127.0.0.1', '-p', phonePort, '-mi', '127.0.0.1', '-mp', await freePort(), '-rtp_echo', '-nostdin', '-m', '1'], { stdio: 'ignore', cwd: scratch });
  const over = once(phone, 'exit');
  try {
    const caller = await user();
    const page = await open(ann, caller);
    const call = await page.connect(`?to=${encodeURIComponent(NUMBER)}`);
    const { connection, id } = await answer(caller);
    await page.until('states', call, 'answered');
    await connection.addParticipant({ targetParticipant: { phoneNumber: '+12065550150' }, sourceCallIdNumber: { phoneNumber: NUMBER } });
    await application.told('AddParticipantSucceeded', (event) => event.callConnectionId === id);
    await page.hears(call, ANN_HZ);
    const roster = await application.told('ParticipantsUpdated', (event) => event.callConnectionId === id && event.participants.length === 3);
    assert.ok(roster.participants.some(({ identifier }) => identifier.rawId === '4:+12065550150'));
    await connection.hangUp(true);
    await page.until('states', call, 'ended');
    assert.deepEqual(await over, [0, null]);
    await page.page.close();
  } finally {
    phone.kill();
  }
});

test('a page without Opus: both hear each other in G.711', async () => {
  const group = randomUUID();
  const pages = [await open(ann, await user()), await open(bob, await user())];
  const calls = [await pages[0].connect(`?group=${group}`, { codecs: ['audio/PCMU'] }), await pages[1].connect(`?group=${group}`)];
  await pages[0].hears(calls[0], BOB_HZ);
  await pages[1].hears(calls[1], ANN_HZ);
  await Promise.all(pages.map((page, i) => page.phone('leave', calls[i])));
  await Promise.all(pages.map(({ page }) => page.close()));
});

test('the application hangs up, and the page sees that the call is over', async () => {
  const caller = await user();
  const page = await open(ann, caller);
  const call = await page.connect(`?to=${encodeURIComponent(NUMBER)}`);
  const { connection } = await answer(caller);
  await page.until('connection', call, 'connected');
  await connection.hangUp(true);
  await page.until('states', call, 'ended');
  assert.equal((await page.phone('last', call)).cause, 16);
  await page.page.close();
});

test('a page that may only go over a relay is told of one, and gets through', async () => {
  const group = randomUUID();
  const [caller, other] = [await user(['voip.join']), await user(['voip.join'])];
  const pages = [await open(ann, caller, 'relayed'), await open(bob, other)];
  const calls = [await pages[0].connect(`?group=${group}`, { relayed: true }), await pages[1].connect(`?group=${group}`)];
  await Promise.all(pages.map((page, i) => page.until('states', calls[i], 'answered')));
  assert.equal((await pages[0].way(calls[0])).type, 'relay');
  assert.match(await pages[0].phone('link', calls[0]), /^<turn:127\.0\.0\.1:\d+\?transport=udp>; rel="ice-server"; username="\d+:8-acs-[^"]+"; credential="[^"]+"; credential-type="password"$/);
  await pages[0].hears(calls[0], BOB_HZ);
  await pages[1].hears(calls[1], ANN_HZ);
  await Promise.all(pages.map(({ page }) => page.close()));
});

test('a page that cannot send UDP connects to the one TCP port, and another one comes over IPv6', async () => {
  const group = randomUUID();
  const pages = [await open(ann, await user(['voip.join']), 'walled'), await open(bob, await user(['voip.join']), 'walled')];
  const calls = [await pages[0].connect(`?group=${group}`, { only: ' tcp \\d+ 127' }), await pages[1].connect(`?group=${group}`, { only: ' udp \\d+ ::1 ' })];
  await Promise.all(pages.map((page, i) => page.until('states', calls[i], 'answered')));
  const [walled, six] = await Promise.all(pages.map((page, i) => page.way(calls[i])));
  assert.deepEqual([walled.protocol, walled.port], ['tcp', tcpPort]);
  assert.deepEqual([six.protocol, six.address.replace(/[[\]]/g, '')], ['udp', '::1']);
  await pages[0].hears(calls[0], BOB_HZ);
  await pages[1].hears(calls[1], ANN_HZ);
  await Promise.all(pages.map(({ page }) => page.close()));
});

test('two pages of a group hear each other, and one that only listens hears them', async () => {
  const group = randomUUID();
  const pages = [await open(ann, await user(['voip.join'])), await open(bob, await user())];
  const calls = await Promise.all(pages.map((page) => page.connect(`?group=${group}`)));
  await Promise.all(pages.map((page, i) => page.until('states', calls[i], 'answered')));
  await pages[0].hears(calls[0], BOB_HZ);
  await pages[1].hears(calls[1], ANN_HZ);
  assert.equal(await pages[1].phone('leave', calls[1]), 200);
  const listener = await open(bob, await user());
  const third = await listener.connect(`?group=${group}`, { listen: true });
  await listener.hears(third, ANN_HZ);
  await Promise.all([...pages, listener].map(({ page }) => page.close()));
});

test('a page listens to a call over WHEP: it hears, is not heard, and the call does not go on for its sake', async () => {
  const caller = await user();
  const speaker = await open(ann, caller);
  const call = await speaker.connect(`?to=${encodeURIComponent(NUMBER)}`);
  const { incoming, connection, id } = await answer(caller);
  await speaker.until('states', call, 'answered');
  const listener = await open(bob, await user(['voip.join']));
  const where = `browsers/whep?call=${encodeURIComponent(incoming.serverCallId)}`;
  const heard = await listener.connect(where, { listen: true });
  await listener.until('states', heard, 'answered');
  await listener.hears(heard, ANN_HZ);
  const roster = await application.told('ParticipantsUpdated', (event) => event.callConnectionId === id && event.participants.length === 3);
  assert.equal(roster.participants.filter(({ isMuted }) => isMuted).length, 1);
  // One that offers to be heard is not.
  const loud = await open(bob, await user());
  const second = await loud.connect(where);
  await loud.hears(second, ANN_HZ);
  await connection.getCallMedia().playToAll([{ kind: 'fileSource', url: `${application.url}prompt.wav` }]);
  await speaker.hears(call, PROMPT_HZ);
  await listener.hears(heard, PROMPT_HZ).catch(() => listener.hears(heard, ANN_HZ));
  assert.equal((await loud.phone('connect', 'browsers/whep?call=nothing', { listen: true })).status, 404);
  assert.equal((await loud.phone('connect', 'browsers/whep?to=8%3Aacs%3Ax', { listen: true })).status, 400);
  assert.equal(await speaker.phone('leave', call), 200);
  await listener.until('states', heard, 'ended');
  await loud.until('states', second, 'ended');
  await application.told('CallDisconnected', (event) => event.callConnectionId === id);
  await Promise.all([speaker, listener, loud].map(({ page }) => page.close()));
});

test('pages of two providers hear each other, one of them in a process of its own', async () => {
  const group = randomUUID();
  const pages = [await open(ann, await user()), await open(bob, await user(), 'others')];
  const calls = await Promise.all(pages.map((page) => page.connect(`?group=${group}`)));
  await pages[0].hears(calls[0], BOB_HZ);
  await pages[1].hears(calls[1], ANN_HZ);
  await Promise.all(pages.map((page, i) => page.phone('leave', calls[i])));
  await Promise.all(pages.map(({ page }) => page.close()));
});

test('a page that goes away without a word ends the call', async () => {
  const caller = await user();
  const page = await open(ann, caller);
  const call = await page.connect(`?to=${encodeURIComponent(NUMBER)}`);
  const { id } = await answer(caller);
  await page.until('connection', call, 'connected');
  await page.page.close();
  await application.told('CallDisconnected', (event) => event.callConnectionId === id);
});

test('a page that waits is rung by the application, answers, and is heard', async () => {
  const callee = await user();
  const page = await open(bob, callee);
  const { revision, calls } = await page.phone('ringing');
  assert.deepEqual(calls, []);
  const rings = page.phone('ringing', revision);
  const { callConnectionProperties: { callConnectionId: id }, callConnection } = await automation.createCall(
    { targetParticipant: { communicationUserId: callee.id }, sourceDisplayName: 'Reception' }, application.url);
  const [ringing] = (await rings).calls;
  assert.equal(ringing.displayName, 'Reception');
  const call = await page.connect(`browsers/calls/${ringing.id}`);
  await application.told('CallConnected', (event) => event.callConnectionId === id);
  await page.until('states', call, 'answered');
  await callConnection.getCallMedia().playToAll([{ kind: 'fileSource', url: `${application.url}prompt.wav` }]);
  await page.hears(call, PROMPT_HZ);
  assert.deepEqual((await page.phone('ringing')).calls, []);
  await page.phone('leave', call);
  await application.told('CallDisconnected', (event) => event.callConnectionId === id);

  const again = page.phone('ringing', (await page.phone('ringing')).revision);
  const second = await automation.createCall({ targetParticipant: { communicationUserId: callee.id } }, application.url);
  const [declined] = (await again).calls;
  assert.equal(await page.phone('decline', declined.id), 200);
  const failed = await application.told('CreateCallFailed', (event) => event.callConnectionId === second.callConnectionProperties.callConnectionId);
  assert.equal(failed.resultInformation.code, 603);
  await page.page.close();
});

test('only users with a token that is good for calls', async () => {
  const caller = await user();
  const status = async (who, method = 'GET', where = 'browsers/calls') => {
    const page = await open(ann, who);
    try {
      return await page.phone('status', method, where);
    } finally {
      await page.page.close();
    }
  };
  assert.equal(await status({ token: 'nonsense' }), 401);
  assert.equal(await status(await user(['chat'])), 403);
  assert.equal(await status(await user(['voip.join'])), 403);
  assert.equal(await status(caller, 'DELETE', 'browsers/sessions/web-0'), 404);
  await identity.revokeTokens({ communicationUserId: caller.id });
  assert.equal(await status(caller), 401);
  const page = await open(ann, await user());
  for (const [where, wanted] of [['?to=%2B14255550199', 404], ['?to=nobody', 400], [`?room=${'9'.repeat(17)}`, 404]])
    assert.equal((await page.phone('connect', where)).status, wanted, where);
  await page.page.route('http://elsewhere.example/', (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }));
  await page.page.goto('http://elsewhere.example/');
  const asked = ([url, token]) => fetch(`${url}/calls`, { headers: { authorization: `Bearer ${token}` } }).then(() => 'answered', () => 'refused');
  assert.equal(await page.page.evaluate(asked, [endpoint(), (await user()).token]), 'refused', 'an origin that is not allowed');
  await page.page.close();
});

test('a token that has expired opens nothing', async () => {
  const folder = fs.mkdtempSync(path.join(scratch, 'later-'));
  fs.writeFileSync(path.join(folder, 'trunkline.yaml'), config.replace(String(sipPort), await freePort()));
  const later = await startServer({ cwd: folder, args: ['--config', 'trunkline.yaml', '--tls-port', '0', '--clock', 'virtual'] });
  try {
    const { token } = await new CommunicationIdentityClient(later.ready.connection_string, { allowInsecureConnection: true }).createUserAndToken(['voip']);
    const status = () => fetch(new URL('/_webrtc/browsers/calls', later.ready.endpoint), { headers: { authorization: `Bearer ${token}` } }).then((answer) => answer.status);
    assert.equal(await status(), 200);
    const control = new URLSearchParams(new URL(later.ready.console).hash.slice(1)).get('token');
    const moved = await fetch(new URL('/_control/clock/advance', later.ready.endpoint), {
      method: 'POST', headers: { authorization: `Bearer ${control}`, 'content-type': 'application/json' }, body: JSON.stringify({ by: '25h' }),
    });
    assert.ok(moved.ok, await moved.text());
    assert.equal(await status(), 401);
  } finally {
    await later.stop();
  }
});

test('candidates are taken, and a restart of ICE is not', async () => {
  const page = await open(ann, await user());
  const call = await page.connect(`?group=${randomUUID()}`);
  assert.equal(await page.phone('patch', call, 'm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n'), 204);
  assert.equal(await page.phone('patch', call, 'a=ice-ufrag:another\r\na=ice-pwd:x\r\n', '*'), 422);
  await page.page.close();
});

test('the page of the guide calls, and is called', async () => {
  const caller = await user();
  const page = await ann.browser.newPage();
  const printed = [];
  page.on('console', (message) => printed.push(message.text()));
  await page.goto(ann.url);
  await page.evaluate((given) => { window.given = given; }, { token: caller.token });
  const says = async (line) => {
    if (!printed.includes(line)) await page.waitForEvent('console', { predicate: (message) => message.text() === line, timeout: 20_000 }).catch(() => assert.fail(`no '${line}' in ${printed.join(', ')}`));
  };
  for (const content of await documentedScripts('docs/guide/browser-calls.md', server.ready.tls_endpoint)) await page.addScriptTag({ content });
  await says('the call is ringing');
  const { connection } = await answer(caller);
  await says('the call is answered');
  await connection.hangUp(true);
  await says('the call is ended');
  await says('waiting for calls');
  const { callConnectionProperties: { callConnectionId: id }, callConnection } = await automation.createCall(
    { targetParticipant: { communicationUserId: caller.id }, sourceDisplayName: 'Reception' }, application.url);
  await says('Reception calls');
  await application.told('CallConnected', (event) => event.callConnectionId === id);
  await callConnection.hangUp(true);
  await page.close();
});
