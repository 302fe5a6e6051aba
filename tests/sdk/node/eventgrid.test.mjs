// The unmodified @azure/arm-eventgrid and @azure/eventgrid: topics are managed and published to, subscriptions deliver to a webhook,
// and what arrives is read by the package's own deserializer.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { EventGridManagementClient } from '@azure/arm-eventgrid';
import { AzureKeyCredential, AzureSASCredential, EventGridDeserializer, EventGridPublisherClient, generateSharedAccessSignature } from '@azure/eventgrid';
import { startServer } from '../../conformance/server.mjs';
import { loopback } from './loopback.mjs';

const SUBSCRIPTION = '00000000-0000-0000-0000-000000000001';
const GROUP = 'lab';
const quick = { updateIntervalInMs: 10 };
const limit = { timeout: 30_000 };
const open = { allowInsecureConnection: true, retryOptions: { maxRetries: 0 } };
const service = `subscriptions/${SUBSCRIPTION}/resourceGroups/trunkline/providers/Microsoft.Communication/communicationServices/trunkline`;
const read = new EventGridDeserializer();
let server;
let grid;
let seen;
const hooks = [];

function client(subscription = SUBSCRIPTION, { token = server.ready.arm_token } = {}) {
  const credential = { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) };
  const record = { name: 'record', async sendRequest(request, next) { const response = await next(request); seen.push(response); return response; } };
  return new EventGridManagementClient(credential, subscription, {
    endpoint: server.ready.endpoint.replace('http:', 'https:'),
    httpClient: loopback(server.ready.endpoint),
    retryOptions: { maxRetries: 0 },
    additionalPolicies: [{ policy: record, position: 'perRetry' }],
  });
}
before(async () => {
  server = await startServer();
  seen = [];
  grid = client();
});
after(async () => {
  for (const hook of hooks) hook.server.close(), hook.server.closeAllConnections();
  await server?.stop();
});

/** A webhook. `shake`: how it answers the handshake; by default as it should. */
async function webhook(shake = (event) => ({ validationResponse: event.data.validationCode })) {
  const hook = { requests: [], waiting: [], handshakes: [] };
  hook.server = http.createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    if (request.method === 'OPTIONS') {
      hook.handshakes.push(request.headers);
      response.writeHead(200, { 'WebHook-Allowed-Origin': request.headers['webhook-request-origin'] }).end();
      return;
    }
    const body = JSON.parse(text || 'null');
    if (request.headers['aeg-event-type'] === 'SubscriptionValidation') {
      hook.handshakes.push(body[0]);
      const answer = shake(body[0]);
      response.writeHead(200, { 'content-type': 'application/json' }).end(answer && JSON.stringify(answer));
      return;
    }
    response.writeHead(200).end();
    hook.requests.push({ headers: request.headers, body });
    hook.waiting.splice(0).forEach((wake) => wake());
  });
  await new Promise((resolve) => hook.server.listen(0, '127.0.0.1', resolve));
  hook.url = `http://127.0.0.1:${hook.server.address().port}/hook?code=s3cret`;
  /** The first request that `fits`. */
  hook.wait = async (fits = () => true) => {
    for (;;) {
      const found = hook.requests.find(fits);
      if (found) return found;
      await new Promise((resolve) => hook.waiting.push(resolve));
    }
  };
  hooks.push(hook);
  return hook;
}

let next = 0;
const unique = (stem) => `${stem}-${++next}`;
const refused = (promise, status, code) => assert.rejects(promise, (error) => {
  assert.equal(`${error.statusCode} ${error.code}`, `${status} ${code}`, error.message);
  return true;
});
const all = async (iterable) => { const out = []; for await (const item of iterable) out.push(item); return out; };
const makeTopic = (name, extra = {}) => grid.topics.beginCreateOrUpdateAndWait(GROUP, name, { location: 'westus2', ...extra }, quick);
const scopeOf = (name) => `subscriptions/${SUBSCRIPTION}/resourceGroups/${GROUP}/providers/Microsoft.EventGrid/topics/${name}`;
const subscribe = (scope, name, hook, extra = {}) => grid.eventSubscriptions.beginCreateOrUpdateAndWait(
  scope, name, { destination: { endpointType: 'WebHook', endpointUrl: hook.url }, ...extra }, quick);
/** A topic with a webhook behind it, and its keys. */
async function ready(extra = {}, subscription = {}) {
  const name = unique('topic');
  const topic = await makeTopic(name, extra);
  const hook = await webhook();
  await subscribe(scopeOf(name), 'all', hook, subscription);
  return { name, topic, hook, keys: await grid.topics.listSharedAccessKeys(GROUP, name) };
}
const order = { eventType: 'Shop.Order.Placed', subject: 'orders/7', dataVersion: '1.0', data: { total: 12.5 } };
const cloudOrder = { type: 'Shop.Order.Placed', source: '/shops/9', subject: 'orders/7', data: { total: 12.5 } };

test('topics: created, read, listed, changed, deleted', limit, async () => {
  const name = unique('topic');
  const made = await makeTopic(name, { tags: { a: '1' }, inputSchema: 'CloudEventSchemaV1_0', publicNetworkAccess: 'Disabled' });
  assert.equal(made.provisioningState, 'Succeeded');
  assert.equal(made.location, 'westus2');
  assert.equal(made.inputSchema, 'CloudEventSchemaV1_0');
  assert.equal(made.publicNetworkAccess, 'Disabled');
  assert.equal(made.endpoint, `${server.ready.endpoint}/topics/${name}/api/events`);
  assert.equal(made.id, `/${scopeOf(name)}`);
  assert.equal(made.type, 'Microsoft.EventGrid/topics');
  assert.deepEqual((await grid.topics.get(GROUP, name.toUpperCase())).tags, { a: '1' });
  await grid.topics.beginUpdateAndWait(GROUP, name, { tags: { b: '2' }, disableLocalAuth: true }, quick);
  const changed = await grid.topics.get(GROUP, name);
  assert.deepEqual(changed.tags, { b: '2' });
  assert.equal(changed.disableLocalAuth, true);
  assert.equal(changed.publicNetworkAccess, 'Disabled');
  assert.ok((await all(grid.topics.listByResourceGroup(GROUP))).some((t) => t.name === name));
  assert.ok((await all(grid.topics.listBySubscription())).some((t) => t.name === name));
  assert.equal((await all(grid.topics.listByResourceGroup('other'))).length, 0);
  await grid.topics.beginDeleteAndWait(GROUP, name, quick);
  await refused(grid.topics.get(GROUP, name), 404, 'ResourceNotFound');
  seen.length = 0;
  await grid.topics.beginDeleteAndWait(GROUP, name, quick);
  assert.equal(seen[0].status, 204);
});

test('topics: what is refused, and how', limit, async () => {
  const name = unique('topic');
  await makeTopic(name);
  await refused(makeTopic('a b'), 400, 'InvalidResourceName');
  await refused(makeTopic('ab'), 400, 'InvalidResourceName');
  await refused(makeTopic('x'.repeat(51)), 400, 'InvalidResourceName');
  await refused(makeTopic(name, { inputSchema: 'CloudEventSchemaV1_0' }), 400, 'PropertyChangeNotAllowed');
  await refused(makeTopic(unique('topic'), { inputSchema: 'CustomEventSchema' }), 400, 'InvalidPropertyValue');
  await refused(makeTopic(name, { location: 'eastus' }), 409, 'InvalidResourceLocation');
  await refused(makeTopic(name, { publicNetworkAccess: 'Maybe' }), 400, 'InvalidPropertyValue');
  await refused(grid.topics.beginCreateOrUpdateAndWait('other', name, { location: 'westus2' }, quick), 409, 'NameUnavailable');
  await refused(grid.topics.get('other', name), 404, 'ResourceNotFound');
  await refused(grid.topics.listSharedAccessKeys(GROUP, 'missing'), 404, 'ResourceNotFound');
  await refused(grid.topics.beginRegenerateKeyAndWait(GROUP, name, { keyName: 'key3' }, quick), 400, 'InvalidPropertyValue');
  await assert.rejects(client(SUBSCRIPTION, { token: 'wrong' }).topics.get(GROUP, name), { statusCode: 401 });
});

test('publishing with a key in the Event Grid schema', limit, async () => {
  const { topic, hook, keys } = await ready();
  const publisher = new EventGridPublisherClient(topic.endpoint, 'EventGrid', new AzureKeyCredential(keys.key1), open);
  const time = new Date('2026-01-01T00:00:00.123Z');
  await publisher.send([{ ...order, id: 'e1', eventTime: time }, { ...order, id: 'e2' }]);
  const got = [];
  for (const id of ['e1', 'e2']) got.push((await hook.wait((r) => r.body[0].id === id)).body[0]);
  assert.equal(got[0].topic, topic.id);
  const [event] = await read.deserializeEventGridEvents(got[0]);
  assert.equal(event.eventType, order.eventType);
  assert.equal(event.subject, order.subject);
  assert.deepEqual(event.data, order.data);
  assert.equal(event.eventTime.toISOString(), time.toISOString());
  assert.equal(event.dataVersion, '1.0');
});

test('publishing CloudEvents with a key, single, batched, with bytes', limit, async () => {
  const { topic, hook, keys } = await ready({ inputSchema: 'CloudEventSchemaV1_0' });
  const publisher = new EventGridPublisherClient(topic.endpoint, 'CloudEvent', new AzureKeyCredential(keys.key2), open);
  await publisher.send([{ ...cloudOrder, id: 'c1', extensionAttributes: { shard: '3' } }, { ...cloudOrder, id: 'c2', data: new Uint8Array([0, 1, 255]), datacontenttype: 'application/octet-stream' }]);
  const first = await hook.wait((r) => r.body.id === 'c1');
  assert.match(first.headers['content-type'], /^application\/cloudevents\+json/);
  const [event] = await read.deserializeCloudEvents(first.body);
  assert.equal(event.source, '/shops/9');
  assert.deepEqual(event.data, cloudOrder.data);
  assert.equal(event.extensionAttributes.shard, '3');
  const second = await hook.wait((r) => r.body.id === 'c2');
  const [bytes] = await read.deserializeCloudEvents(second.body);
  assert.deepEqual([...bytes.data], [0, 1, 255]);
});

test('publishing CloudEvents in binary mode', limit, async () => {
  const { topic, hook, keys } = await ready({ inputSchema: 'CloudEventSchemaV1_0' });
  const response = await fetch(topic.endpoint, {
    method: 'POST', body: '{"total":1}',
    headers: { 'aeg-sas-key': keys.key1, 'content-type': 'application/json', 'ce-specversion': '1.0', 'ce-id': 'b1', 'ce-source': '/shops/9', 'ce-type': 'Shop.Order.Placed' },
  });
  assert.equal(response.status, 200);
  const [event] = await read.deserializeCloudEvents((await hook.wait((r) => r.body.id === 'b1')).body);
  assert.deepEqual(event.data, { total: 1 });
});

test('publishing with a shared access signature', limit, async () => {
  const { topic, hook, keys } = await ready();
  const key = new AzureKeyCredential(keys.key1);
  const signature = await generateSharedAccessSignature(topic.endpoint, key, new Date(Date.now() + 3_600_000));
  await new EventGridPublisherClient(topic.endpoint, 'EventGrid', new AzureSASCredential(signature), open).send([{ ...order, id: 's1' }]);
  await hook.wait((r) => r.body[0].id === 's1');
  const body = JSON.stringify([{ ...order, id: 's2', eventTime: new Date() }]);
  const headers = { authorization: `SharedAccessSignature ${signature}`, 'content-type': 'application/json' };
  assert.equal((await fetch(topic.endpoint, { method: 'POST', body, headers })).status, 200);
  await hook.wait((r) => r.body[0].id === 's2');

  const send = (credential) => new EventGridPublisherClient(topic.endpoint, 'EventGrid', credential, open).send([order]);
  const ended = await generateSharedAccessSignature(topic.endpoint, key, new Date(Date.now() - 60_000));
  await refused(send(new AzureSASCredential(ended)), 401, 'Unauthorized');
  await refused(send(new AzureSASCredential(signature.replace(/s=.{4}/, 's=AAAA'))), 401, 'Unauthorized');
  const elsewhere = await generateSharedAccessSignature(topic.endpoint.replace('/topics/', '/topics/x'), key, new Date(Date.now() + 3_600_000));
  await refused(send(new AzureSASCredential(elsewhere)), 401, 'Unauthorized');
});

test('a regenerated key opens, the one before it does not', limit, async () => {
  const { name, topic, keys } = await ready();
  const send = (key) => new EventGridPublisherClient(topic.endpoint, 'EventGrid', new AzureKeyCredential(key), open).send([order]);
  await send(keys.key1);
  const { key1, key2 } = await grid.topics.beginRegenerateKeyAndWait(GROUP, name, { keyName: 'key1' }, quick);
  assert.notEqual(key1, keys.key1);
  assert.equal(key2, keys.key2);
  await refused(send(keys.key1), 401, 'Unauthorized');
  await send(key1);
  await send(key2);
  await grid.topics.beginUpdateAndWait(GROUP, name, { disableLocalAuth: true }, quick);
  await refused(send(key2), 401, 'Unauthorized');
});

test('publishing: what is refused, in the form of Event Grid', limit, async () => {
  const { name, topic, keys } = await ready();
  const send = async (body, { url = topic.endpoint, key = keys.key1, type = 'application/json', headers = {} } = {}) => {
    const response = await fetch(url, { method: 'POST', body, headers: { ...(key && { 'aeg-sas-key': key }), 'content-type': type, ...headers } });
    if (response.ok) return `${response.status}`;
    const { error } = await response.json();
    assert.deepEqual(error.details, [{ code: error.code, message: error.message }]);
    return `${response.status} ${error.code} ${error.message}`;
  };
  const event = { ...order, id: '1', eventTime: '2026-01-01T00:00:00Z' };
  assert.equal(await send(JSON.stringify([event])), '200');
  assert.match(await send('[{'), /^400 BadRequest .*byte/);
  assert.match(await send(JSON.stringify([event, { ...event, eventType: undefined }])), /^400 BadRequest \[1\]\.eventType/);
  assert.match(await send(JSON.stringify(event)), /^400 BadRequest/);
  assert.match(await send(JSON.stringify([{ ...cloudOrder, specversion: '1.0', id: '1' }])), /^400 BadRequest .*CloudEvent/);
  assert.match(await send('{}', { type: 'application/cloudevents+json' }), /^400 BadRequest .*EventGridSchema/);
  assert.match(await send('x', { type: 'text/csv' }), /^415 UnsupportedMediaType/);
  assert.match(await send('[]', { key: null }), /^401 Unauthorized .*aeg-sas-key/);
  assert.match(await send('[]', { key: keys.key1.replace(/^./, (c) => (c === 'A' ? 'B' : 'A')) }), /^401 Unauthorized/);
  assert.match(await send('[]', { key: null, headers: { authorization: 'Bearer nonsense' } }), /^401 Unauthorized/);
  assert.match(await send('[]', { url: topic.endpoint.replace(name, 'missing') }), /^404 NotFound/);
  const big = JSON.stringify([{ ...event, data: 'x'.repeat(1024 * 1024) }]);
  assert.match(await send(big), /^413 PayloadTooLarge .*1048576/);
  assert.equal(await send(JSON.stringify([event]), { url: `${topic.endpoint}?aeg-sas-key=${encodeURIComponent(keys.key1)}`, key: null }), '200');
  const rejections = await fetch(new URL('/_control/rejections', server.ready.endpoint), { headers: { authorization: `Bearer ${server.ready.arm_token}` } });
  const text = await rejections.text();
  assert.match(text, /not one of the topic/);
  assert.ok(!text.includes(keys.key1));
});

test('a topic is found by its host name too', limit, async () => {
  const { name, hook, keys } = await ready();
  const { port } = new URL(server.ready.endpoint);
  const status = await new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, path: '/api/events', method: 'POST', headers: { host: `${name}.eventgrid.localhost:${port}`, 'aeg-sas-key': keys.key1, 'content-type': 'application/json' } }, (response) => resolve(response.resume().statusCode));
    request.once('error', reject).end(JSON.stringify([{ ...order, id: 'h1', eventTime: new Date() }]));
  });
  assert.equal(status, 200);
  await hook.wait((r) => r.body[0].id === 'h1');
});

test('event subscriptions: what was given comes back, secrets only when asked for', limit, async () => {
  const hook = await webhook();
  const name = unique('sub');
  const made = await grid.eventSubscriptions.beginCreateOrUpdateAndWait(service, name, {
    destination: {
      endpointType: 'WebHook', endpointUrl: hook.url, maxEventsPerBatch: 10, preferredBatchSizeInKilobytes: 128,
      deliveryAttributeMappings: [{ type: 'Static', name: 'x-secret', value: 'hush', isSecret: true }, { type: 'Dynamic', name: 'x-from', sourceField: 'data.from' }],
    },
    filter: { includedEventTypes: ['Microsoft.Communication.SMSReceived'], subjectBeginsWith: '/phone', advancedFilters: [{ operatorType: 'StringContains', key: 'data.message', values: ['x'] }] },
    labels: ['a'], retryPolicy: { maxDeliveryAttempts: 5, eventTimeToLiveInMinutes: 60 },
  }, quick);
  assert.equal(made.provisioningState, 'Succeeded');
  assert.equal(made.type, 'Microsoft.EventGrid/eventSubscriptions');
  assert.equal(made.topic.toLowerCase(), `/${service}`.toLowerCase());
  const got = await grid.eventSubscriptions.get(service.toUpperCase(), name);
  assert.deepEqual(got.filter.includedEventTypes, ['Microsoft.Communication.SMSReceived']);
  assert.equal(got.destination.endpointBaseUrl, hook.url.split('?')[0]);
  assert.equal(got.destination.endpointUrl, undefined);
  assert.equal(got.destination.maxEventsPerBatch, 10);
  assert.deepEqual(got.labels, ['a']);
  assert.equal(got.retryPolicy.maxDeliveryAttempts, 5);
  assert.ok(!JSON.stringify(seen.at(-1).bodyAsText).includes('hush'));
  assert.equal((await grid.eventSubscriptions.getFullUrl(service, name)).endpointUrl, hook.url);
  const { value } = await grid.eventSubscriptions.getDeliveryAttributes(service, name);
  assert.equal(value.find((a) => a.name === 'x-secret').value, 'hush');
  assert.equal(value.find((a) => a.name === 'x-from').sourceField, 'data.from');
  const handshakes = hook.handshakes.length;
  const changed = await grid.eventSubscriptions.beginUpdateAndWait(service, name, { labels: ['b'] }, quick);
  assert.deepEqual(changed.labels, ['b']);
  assert.deepEqual(changed.filter.includedEventTypes, ['Microsoft.Communication.SMSReceived']);
  assert.equal(hook.handshakes.length, handshakes, 'the same endpoint is not asked again');
  await grid.eventSubscriptions.beginDeleteAndWait(service, name, quick);
  await refused(grid.eventSubscriptions.get(service, name), 404, 'ResourceNotFound');
  await grid.eventSubscriptions.beginDeleteAndWait(service, name, quick);
});

test('event subscriptions: what is refused, and how', limit, async () => {
  const hook = await webhook();
  const put = (extra, name = unique('sub'), scope = service) => subscribe(scope, name, hook, extra);
  const filter = (value) => put({ filter: value });
  await refused(put({}, 'a'), 400, 'InvalidRequest');
  await refused(put({}, 'a b'), 400, 'InvalidRequest');
  await refused(put({ destination: { endpointType: 'WebHook', endpointUrl: 'nonsense' } }), 400, 'InvalidRequest');
  await refused(put({ destination: { endpointType: 'EventHub', resourceId: '/x' } }), 400, 'InvalidRequest');
  await refused(filter({ advancedFilters: [{ operatorType: 'StringIn', key: 'subject', values: Array.from({ length: 26 }, String) }] }), 400, 'InvalidRequest');
  await refused(put({ retryPolicy: { maxDeliveryAttempts: 31 } }), 400, 'InvalidRequest');
  await refused(put({}, 'sub-x', service.replace(/trunkline$/, 'missing')), 404, 'ResourceNotFound');
  await refused(put({}, 'sub-x', scopeOf('missing')), 404, 'ResourceNotFound');
  await refused(put({}, 'sub-x', `subscriptions/${SUBSCRIPTION}`), 400, 'InvalidScope');
  await refused(put({}, 'sub-x', `subscriptions/${SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/s`), 400, 'InvalidScope');
  await refused(grid.eventSubscriptions.beginUpdateAndWait(service, 'missing', { labels: [] }, quick), 404, 'ResourceNotFound');
  await refused(grid.eventSubscriptions.getFullUrl(service, 'missing'), 404, 'ResourceNotFound');
  const liar = await webhook(() => ({ validationResponse: 'wrong' }));
  await refused(subscribe(service, unique('sub'), liar), 400, 'Url validation');
});

test('a webhook is confirmed by hand', limit, async () => {
  const silent = await webhook(() => undefined);
  const name = unique('topic');
  await makeTopic(name);
  const made = await subscribe(scopeOf(name), 'manual', silent);
  assert.equal(made.provisioningState, 'AwaitingManualAction');
  const { validationUrl } = silent.handshakes[0].data;
  const wrong = await fetch(validationUrl.replace(/code=.{4}/, 'code=zzzz'));
  assert.equal(wrong.status, 404);
  assert.match(wrong.headers.get('content-type'), /^text\/plain/);
  const answer = await fetch(validationUrl);
  assert.equal(answer.status, 200);
  assert.match(await answer.text(), /manual/);
  assert.equal((await grid.eventSubscriptions.get(scopeOf(name), 'manual')).provisioningState, 'Succeeded');
  assert.equal((await fetch(validationUrl)).status, 404, 'once');
  assert.equal((await fetch(new URL('/eventGrid/validate', server.ready.endpoint))).status, 400);
});

test('a CloudEvents webhook allows later, at the callback: by GET or POST, before or after its answer', limit, async () => {
  for (const [method, early] of [['GET', false], ['POST', false], ['POST', true]]) {
    const asked = [];
    const confirm = (url) => fetch(url, { method, headers: { 'WebHook-Allowed-Rate': '*' } });
    const hook = http.createServer(async (request, response) => {
      asked.push(request.headers);
      if (early) assert.equal((await confirm(request.headers['webhook-request-callback'])).status, 200);
      response.end();
    });
    await new Promise((listening) => hook.listen(0, '127.0.0.1', listening));
    try {
      const name = unique('topic');
      await makeTopic(name, { inputSchema: 'CloudEventSchemaV1_0' });
      const destination = { endpointType: 'WebHook', endpointUrl: `http://127.0.0.1:${hook.address().port}/` };
      await grid.eventSubscriptions.beginCreateOrUpdateAndWait(scopeOf(name), 'later', { destination }, quick);
      const state = async () => (await grid.eventSubscriptions.get(scopeOf(name), 'later')).provisioningState;
      assert.ok(asked[0]['webhook-request-origin']);
      if (!early) {
        assert.equal(await state(), 'AwaitingManualAction');
        assert.equal((await confirm(asked[0]['webhook-request-callback'])).status, 200);
      }
      while (await state() !== 'Succeeded') assert.equal(await state(), 'AwaitingManualAction');
      assert.equal((await confirm(asked[0]['webhook-request-callback'])).status, 404, 'once');
    } finally {
      hook.closeAllConnections();
      hook.close();
    }
  }
});

test('the nested paths of topics show the same subscriptions', limit, async () => {
  const { name, hook } = await ready();
  const nested = grid.topicEventSubscriptions;
  const made = await nested.beginCreateOrUpdateAndWait(GROUP, name, 'second', { destination: { endpointType: 'WebHook', endpointUrl: hook.url } }, quick);
  assert.equal(made.id, `/${scopeOf(name)}/eventSubscriptions/second`);
  assert.equal(made.type, 'Microsoft.EventGrid/topics/eventSubscriptions');
  assert.deepEqual((await all(nested.list(GROUP, name))).map((s) => s.name), ['all', 'second']);
  assert.equal((await grid.eventSubscriptions.get(scopeOf(name), 'second')).name, 'second');
  assert.equal((await nested.getFullUrl(GROUP, name, 'second')).endpointUrl, hook.url);
  assert.deepEqual((await nested.getDeliveryAttributes(GROUP, name, 'second')).value, []);
  await nested.beginUpdateAndWait(GROUP, name, 'second', { labels: ['x'] }, quick);
  assert.deepEqual((await nested.get(GROUP, name, 'second')).labels, ['x']);
  await nested.beginDeleteAndWait(GROUP, name, 'second', quick);
  await refused(nested.get(GROUP, name, 'second'), 404, 'ResourceNotFound');
  await refused(nested.get(GROUP, 'missing', 'second'), 404, 'ResourceNotFound');
});

test('a CloudEvents topic delivers CloudEvents unless told otherwise', limit, async () => {
  const { hook } = await ready({ inputSchema: 'CloudEventSchemaV1_0' });
  assert.ok(hook.handshakes[0]['webhook-request-origin']);
});

test('system topics are another name for the events of a communication service', limit, async () => {
  const name = unique('system');
  const body = { location: 'global', source: `/${service}`, topicType: 'Microsoft.Communication.CommunicationServices', tags: { a: '1' } };
  const put = (title, extra = {}) => grid.systemTopics.beginCreateOrUpdateAndWait(GROUP, title, { ...body, ...extra }, quick);
  const made = await put(name);
  assert.equal(made.provisioningState, 'Succeeded');
  assert.equal(made.source.toLowerCase(), `/${service}`.toLowerCase());
  await refused(put('another'), 409, 'SystemTopicAlreadyExists');
  await refused(put(unique('system'), { topicType: 'Microsoft.Storage.StorageAccounts' }), 400, 'InvalidPropertyValue');
  await refused(put(unique('system'), { source: '/nonsense' }), 400, 'InvalidPropertyValue');
  await refused(put('a b'), 400, 'InvalidResourceName');
  await refused(put(unique('system'), { location: 'westus2' }), 400, 'LocationNotAvailableForResourceType');
  assert.deepEqual((await grid.systemTopics.beginUpdateAndWait(GROUP, name, { tags: { b: '2' } }, quick)).tags, { b: '2' });
  assert.deepEqual((await all(grid.systemTopics.listByResourceGroup(GROUP))).map((t) => t.name), [name]);
  assert.equal((await all(grid.systemTopics.listBySubscription())).length, 1);

  const hook = await webhook();
  const subscriptions = grid.systemTopicEventSubscriptions;
  const destination = { endpointType: 'WebHook', endpointUrl: hook.url };
  const sub = await subscriptions.beginCreateOrUpdateAndWait(GROUP, name, 'by-system-topic', { destination, filter: { includedEventTypes: ['Microsoft.Communication.SMSReceived'] } }, quick);
  assert.equal(sub.type, 'Microsoft.EventGrid/systemTopics/eventSubscriptions');
  assert.equal((await subscriptions.get(GROUP, name, 'by-system-topic')).name, 'by-system-topic');
  assert.equal((await grid.eventSubscriptions.get(service, 'by-system-topic')).name, 'by-system-topic');
  assert.ok((await all(subscriptions.listBySystemTopic(GROUP, name))).some((s) => s.name === 'by-system-topic'));
  assert.equal((await subscriptions.getFullUrl(GROUP, name, 'by-system-topic')).endpointUrl, hook.url);
  await subscriptions.beginDeleteAndWait(GROUP, name, 'by-system-topic', quick);
  await grid.systemTopics.beginDeleteAndWait(GROUP, name, quick);
  await refused(grid.systemTopics.get(GROUP, name), 404, 'ResourceNotFound');
  await refused(subscriptions.get(GROUP, name, 'by-system-topic'), 404, 'ResourceNotFound');
});

test('topic types and event types', limit, async () => {
  const types = await all(grid.topicTypes.list());
  assert.deepEqual(types.map((t) => t.name), ['Microsoft.Communication.CommunicationServices', 'Microsoft.EventGrid.Topics']);
  assert.equal((await grid.topicTypes.get('microsoft.communication.communicationservices')).provider, 'Microsoft.Communication');
  const events = await all(grid.topicTypes.listEventTypes('Microsoft.Communication.CommunicationServices'));
  assert.ok(events.some((e) => e.name === 'Microsoft.Communication.SMSReceived'));
  const ofService = await all(grid.topics.listEventTypes('trunkline', 'Microsoft.Communication', 'communicationServices', 'trunkline'));
  assert.equal(ofService.length, events.length);
  const { name } = await ready();
  assert.deepEqual(await all(grid.topics.listEventTypes(GROUP, 'Microsoft.EventGrid', 'topics', name)), []);
  await refused(grid.topicTypes.get('Microsoft.Storage.StorageAccounts'), 404, 'ResourceNotFound');
  assert.ok((await all(grid.operations.list())).some((o) => o.name === 'Microsoft.EventGrid/topics/write'));
});

test('lists: by scope, by type, by place, filtered, in pages', { timeout: 60_000 }, async () => {
  const { name } = await ready();
  const hook = await webhook();
  const title = unique('listed');
  await subscribe(service, title, hook);
  const subs = grid.eventSubscriptions;
  const names = async (iterable) => (await all(iterable)).map((s) => `${s.topic.split('/').at(-1)}/${s.name}`);
  const ofService = `trunkline/${title}`, ofTopic = `${name}/all`;
  const acs = 'Microsoft.Communication.CommunicationServices', custom = 'Microsoft.EventGrid.Topics';
  const has = async (iterable, wanted) => {
    const found = await names(iterable);
    assert.deepEqual([found.includes(ofService), found.includes(ofTopic)], wanted);
  };
  await has(subs.listByResource('trunkline', 'Microsoft.Communication', 'communicationServices', 'trunkline'), [true, false]);
  await has(subs.listByResource(GROUP, 'Microsoft.EventGrid', 'topics', name), [false, true]);
  await has(subs.listGlobalBySubscription(), [true, false]);
  await has(subs.listGlobalByResourceGroup('trunkline'), [true, false]);
  await has(subs.listGlobalByResourceGroup(GROUP), [false, false]);
  await has(subs.listGlobalBySubscriptionForTopicType(acs), [true, false]);
  await has(subs.listGlobalBySubscriptionForTopicType(custom), [false, false]);
  await has(subs.listGlobalByResourceGroupForTopicType('trunkline', acs), [true, false]);
  await has(subs.listRegionalBySubscription('West US 2'), [false, true]);
  await has(subs.listRegionalByResourceGroup(GROUP, 'westus2'), [false, true]);
  await has(subs.listRegionalByResourceGroup(GROUP, 'eastus'), [false, false]);
  await has(subs.listRegionalBySubscriptionForTopicType('westus2', custom), [false, true]);
  await has(subs.listRegionalByResourceGroupForTopicType(GROUP, 'westus2', acs), [false, false]);

  for (let i = 0; i < 25; ++i) await subscribe(scopeOf(name), `page-${i}`, hook);
  const list = (options) => grid.topicEventSubscriptions.list(GROUP, name, options);
  const sizes = async (options) => { const out = []; for await (const page of list(options).byPage()) out.push(page.length); return out; };
  assert.deepEqual(await sizes(), [20, 6]);
  assert.deepEqual(await sizes({ top: 10 }), [10, 10, 6]);
  assert.deepEqual(await sizes({ top: 3, filter: "contains(name, 'PAGE-2') and name ne 'page-20'" }), [3, 2]);
  await refused(all(list({ filter: "location eq 'westus'" })), 400, 'InvalidFilter');
  await refused(all(list({ top: 101 })), 400, 'InvalidTop');
  await has(client('00000000-0000-0000-0000-000000000002').eventSubscriptions.listGlobalBySubscription(), [false, false]);
});
