// The unmodified @azure/arm-logic package manages workflows: deploy, fire, look at runs down to single repetitions, resubmit.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { LogicManagementClient } from '@azure/arm-logic';
import { startServer } from '../../conformance/server.mjs';
import { loopback } from './loopback.mjs';

const SUBSCRIPTION = '00000000-0000-0000-0000-000000000001';
const GROUP = 'lab';
const schema = 'https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#';
const manual = { manual: { type: 'Request', kind: 'Http', inputs: { schema: { type: 'object', properties: { n: { type: 'integer' } } } } } };
let server;
let logic;
let shop; // an HTTP service that fails as often as it is told to
let failures = 0;

before(async () => {
  server = await startServer();
  const credential = { getToken: async () => ({ token: server.ready.arm_token, expiresOnTimestamp: Date.now() + 3_600_000 }) };
  logic = new LogicManagementClient(credential, SUBSCRIPTION, {
    endpoint: server.ready.endpoint.replace('http:', 'https:'),
    httpClient: loopback(server.ready.endpoint),
    retryOptions: { maxRetries: 0 },
  });
  shop = http.createServer((request, response) => {
    response.statusCode = failures > 0 ? 503 : 200;
    failures = Math.max(0, failures - 1);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ path: request.url }));
  });
  await new Promise((resolve) => shop.listen(0, '127.0.0.1', resolve));
});
after(async () => {
  shop?.close();
  await server?.stop();
});

let next = 0;
const unique = (stem) => `${stem}-${++next}`;
const definition = (actions, triggers = manual, more = {}) => ({ $schema: schema, contentVersion: '1.0.0.0', triggers, actions, outputs: {}, ...more });
const put = (name, of, more = {}) => logic.workflows.createOrUpdate(GROUP, name, { location: 'westeurope', definition: of, ...more });
const refused = (promise, status, code) => assert.rejects(promise, (error) => {
  assert.equal(`${error.statusCode} ${error.code}`, `${status} ${code}`, error.message);
  return true;
});
const all = async (pages) => {
  const out = [];
  for await (const item of pages) out.push(item);
  return out;
};
const content = async (link) => (await fetch(link.uri)).json();
/** A run, once it has ended: the runtime says when, over a long poll. */
async function ended(name, run) {
  // By its id: a name alone means the default resource group.
  const id = `/subscriptions/${SUBSCRIPTION}/resourceGroups/${GROUP}/providers/Microsoft.Logic/workflows/${name}`;
  const answer = await fetch(`${server.ready.endpoint}/_control/workflows/${encodeURIComponent(id)}/runs/${run}?wait_ms=20000`, { headers: { authorization: `Bearer ${server.ready.arm_token}` } });
  assert.equal(answer.status, 200);
  const found = await logic.workflowRuns.get(GROUP, name, run);
  assert.ok(found.endTime, 'the run does not end');
  return found;
}
const runOf = (response) => response.headers.get('x-ms-workflow-run-id');
async function call(name, body, headers = {}) {
  const url = await logic.workflowTriggers.listCallbackUrl(GROUP, name, 'manual');
  return fetch(url.value, { method: url.method, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) });
}

test('workflows: put, get, list, patch, versions, disable, enable, delete', { timeout: 60_000 }, async () => {
  const name = unique('flow');
  const first = await put(name, definition({ Say: { type: 'Compose', inputs: '@parameters(\'word\')' } }, manual, {
    parameters: { word: { type: 'String', defaultValue: 'hello' }, key: { type: 'SecureString' } },
  }), { tags: { team: 'blue' }, parameters: { key: { value: 'hidden' }, word: { value: 'bye' } } });
  assert.equal(first.name, name);
  assert.equal(first.type, 'Microsoft.Logic/workflows');
  assert.equal(first.state, 'Enabled');
  assert.equal(first.provisioningState, 'Succeeded');
  assert.match(first.version, /^0858\d+$/);
  assert.match(first.accessEndpoint, /\/workflows\/[0-9a-f]{32}$/);
  assert.equal(first.parameters.word.value, 'bye');
  assert.equal(first.parameters.key.value, undefined);
  assert.deepEqual(Object.keys(first.definition), ['$schema', 'contentVersion', 'triggers', 'actions', 'outputs', 'parameters']);

  const second = await put(name, definition({ Say: { type: 'Compose', inputs: 1 } }));
  assert.notEqual(second.version, first.version);
  const versions = await all(logic.workflowVersions.list(GROUP, name));
  assert.deepEqual(versions.map((version) => version.name), [second.version, first.version]);
  const old = await logic.workflowVersions.get(GROUP, name, first.version);
  assert.equal(old.definition.actions.Say.inputs, "@parameters('word')");
  await refused(logic.workflowVersions.get(GROUP, name, '08580000000000000000'), 404, 'WorkflowVersionNotFound');

  await logic.workflows.disable(GROUP, name);
  assert.equal((await logic.workflows.get(GROUP, name)).state, 'Disabled');
  await refused(logic.workflowTriggers.run(GROUP, name, 'manual'), 400, 'WorkflowTriggerIsNotEnabled');
  assert.equal((await call(name, {})).status, 400);
  assert.deepEqual((await all(logic.workflows.listByResourceGroup(GROUP, { filter: "state eq 'Disabled'" }))).map((one) => one.name), [name]);
  await logic.workflows.enable(GROUP, name);
  assert.equal((await logic.workflows.update(GROUP, name)).state, 'Enabled');
  assert.ok((await all(logic.workflows.listBySubscription({ top: 1 }))).some((one) => one.name === name));
  const upgraded = await logic.workflows.generateUpgradedDefinition(GROUP, name, { targetSchemaVersion: '2016-06-01' });
  assert.deepEqual(upgraded.actions ?? upgraded, { Say: { type: 'Compose', inputs: 1 } });
  const swagger = await logic.workflows.listSwagger(GROUP, name);
  assert.ok(swagger.paths['/manual/paths/invoke'].post);

  await logic.workflows.delete(GROUP, name);
  await logic.workflows.delete(GROUP, name);
  await refused(logic.workflows.get(GROUP, name), 404, 'ResourceNotFound');
});

test('what is wrong with a definition is said, and where', { timeout: 30_000 }, async () => {
  const name = unique('bad');
  const bad = definition({ A: { type: 'Compose', inputs: "@body('Nobody')", runAfter: { B: ['Succeeded'] } } });
  await refused(put(name, bad), 400, 'InvalidTemplate');
  await refused(logic.workflows.validateByResourceGroup(GROUP, name, { location: 'local', definition: bad }), 400, 'InvalidTemplate');
  await refused(logic.workflows.validateByLocation(GROUP, 'local', name, { location: 'local', definition: bad }), 400, 'InvalidTemplate');
  await logic.workflows.validateByResourceGroup(GROUP, name, { location: 'local', definition: definition({}) });
  await refused(logic.workflows.createOrUpdate(GROUP, name, { location: 'local' }), 400, 'InvalidRequestContent');
  await refused(logic.workflows.createOrUpdate(GROUP, name, { definition: definition({}) }), 400, 'LocationRequired');
  await refused(put('no spaces please', definition({})), 400, 'InvalidResourceName');
  await refused(logic.workflows.get(GROUP, name), 404, 'ResourceNotFound');
});

test('a call with a signature starts a run; without one it is refused', { timeout: 30_000 }, async () => {
  const name = unique('call');
  await put(name, definition({ Answer: { type: 'Response', kind: 'Http', inputs: { statusCode: 201, headers: { 'x-n': "@{triggerBody()?['n']}" }, body: { twice: "@mul(triggerBody()['n'], 2)" } } } }));
  const answer = await call(name, { n: 21 }, { 'x-ms-client-tracking-id': 'mine' });
  assert.equal(answer.status, 201);
  assert.equal(answer.headers.get('x-n'), '21');
  assert.deepEqual(await answer.json(), { twice: 42 });
  const run = await ended(name, runOf(answer));
  assert.equal(run.correlation.clientTrackingId, 'mine');
  const url = (await logic.workflows.listCallbackUrl(GROUP, name, {})).value;
  assert.equal((await fetch(url.split('?')[0], { method: 'POST' })).status, 401);
  assert.equal((await fetch(url.replace(/sig=[^&]*/, 'sig=AAAA'), { method: 'POST' })).status, 401);
  assert.equal((await fetch(url)).status, 400);
  await logic.workflows.regenerateAccessKey(GROUP, name, { keyType: 'Primary' });
  assert.equal((await fetch(url, { method: 'POST' })).status, 401);
  const soon = await logic.workflows.listCallbackUrl(GROUP, name, { notAfter: new Date(0) });
  assert.equal((await fetch(soon.value, { method: 'POST' })).status, 401);
});

test('runs, actions, retries, contents, request histories and traces', { timeout: 60_000 }, async () => {
  const name = unique('run');
  const { port } = shop.address();
  await put(name, definition({
    Look: { type: 'Http', inputs: { method: 'GET', uri: `http://127.0.0.1:${port}/orders/@{triggerBody()['n']}`, retryPolicy: { type: 'fixed', count: 2, interval: 'PT5S' } } },
    Sum: { type: 'Compose', inputs: { path: "@body('Look')['path']", sum: '@add(1, 2)' }, runAfter: { Look: ['Succeeded'] } },
    Hidden: { type: 'Compose', inputs: 'secret', runtimeConfiguration: { secureData: { properties: ['inputs'] } }, runAfter: { Sum: ['Succeeded'] } },
    Never: { type: 'Compose', inputs: 1, runAfter: { Sum: ['Failed'] } },
  }, manual, { outputs: { sum: { type: 'Int', value: "@outputs('Sum')['sum']" } } }));
  failures = 1;
  const accepted = await call(name, { n: 7 });
  assert.equal(accepted.status, 202);
  const run = await ended(name, runOf(accepted));
  assert.equal(run.status, 'Succeeded');
  const shown = await logic.workflowRuns.get(GROUP, name, run.name);
  assert.equal(shown.outputs.sum.value, 3);
  assert.equal(shown.trigger.name, 'manual');
  assert.deepEqual((await content(shown.trigger.outputsLink)).body, { n: 7 });
  assert.equal(shown.workflow.name, (await logic.workflows.get(GROUP, name)).version);
  assert.equal((await logic.workflowRunOperations.get(GROUP, name, run.name, 'any')).name, run.name);

  const actions = await all(logic.workflowRunActions.list(GROUP, name, run.name));
  assert.deepEqual(Object.fromEntries(actions.map((one) => [one.name, one.status])), { Look: 'Succeeded', Sum: 'Succeeded', Hidden: 'Succeeded', Never: 'Skipped' });
  assert.deepEqual((await all(logic.workflowRunActions.list(GROUP, name, run.name, { filter: "status eq 'Skipped'" }))).map((one) => one.name), ['Never']);
  const look = await logic.workflowRunActions.get(GROUP, name, run.name, 'Look');
  assert.equal(look.code, 'OK');
  assert.equal(look.retryHistory.length, 1);
  assert.equal(look.retryHistory[0].code, 'ServiceUnavailable');
  assert.equal((await content(look.outputsLink)).body.path, '/orders/7');
  assert.equal(look.outputsLink.contentSize, (await (await fetch(look.outputsLink.uri)).text()).length);
  assert.equal((await fetch(look.outputsLink.uri.replace(/sig=[^&]*/, 'sig=AAAA'))).status, 401);
  assert.equal((await logic.workflowRunActions.get(GROUP, name, run.name, 'Hidden')).inputsLink, undefined);
  const requests = await all(logic.workflowRunActionRequestHistories.list(GROUP, name, run.name, 'Look'));
  assert.equal(requests.length, 2);
  assert.equal((await logic.workflowRunActionRequestHistories.get(GROUP, name, run.name, 'Look', requests[1].name)).properties.response.statusCode, 200);
  const traces = await all(logic.workflowRunActions.listExpressionTraces(GROUP, name, run.name, 'Sum'));
  assert.deepEqual(traces.map((one) => [one.path, one.text, one.value]), [['path', "body('Look')['path']", '/orders/7'], ['sum', 'add(1, 2)', 3]]);
  await refused(logic.workflowRunActions.get(GROUP, name, run.name, 'Nobody'), 404, 'WorkflowRunActionNotFound');
  await refused(logic.workflowRuns.get(GROUP, name, '08585000000000000000'), 404, 'WorkflowRunNotFound');
});

test('repetitions of loops', { timeout: 30_000 }, async () => {
  const name = unique('loop');
  await put(name, definition({
    Each: { type: 'Foreach', foreach: '@range(0, 3)', actions: {
      Say: { type: 'Compose', inputs: "@{items('Each')}!" },
      Ask: { type: 'Http', inputs: { method: 'GET', uri: `http://127.0.0.1:${shop.address().port}/@{items('Each')}` }, runAfter: { Say: ['Succeeded'] } },
    } },
  }));
  await logic.workflowTriggers.run(GROUP, name, 'manual');
  const [started] = await all(logic.workflowRuns.list(GROUP, name));
  const run = await ended(name, started.name);
  const repetitions = await all(logic.workflowRunActionRepetitions.list(GROUP, name, run.name, 'Say'));
  assert.deepEqual(repetitions.map((one) => [one.name, one.repetitionIndexes[0].scopeName, one.repetitionIndexes[0].itemIndex]),
    [['000000', 'Each', 0], ['000001', 'Each', 1], ['000002', 'Each', 2]]);
  const one = await logic.workflowRunActionRepetitions.get(GROUP, name, run.name, 'Say', '000001');
  assert.equal(await content(one.outputsLink), '1!');
  const traces = await all(logic.workflowRunActionRepetitions.listExpressionTraces(GROUP, name, run.name, 'Say', '000001'));
  assert.deepEqual(traces.map((trace) => [trace.text, trace.value]), [["items('Each')", 1]]);
  const scopes = await all(logic.workflowRunActionScopeRepetitions.list(GROUP, name, run.name, 'Each'));
  assert.deepEqual(scopes.map((scope) => scope.status), ['Succeeded', 'Succeeded', 'Succeeded']);
  assert.equal((await logic.workflowRunActionScopeRepetitions.get(GROUP, name, run.name, 'Each', '000002')).name, '000002');
  assert.deepEqual(await all(logic.workflowRunActionRepetitionsRequestHistories.list(GROUP, name, run.name, 'Say', '000001')), []);
  const [asked] = await all(logic.workflowRunActionRepetitionsRequestHistories.list(GROUP, name, run.name, 'Ask', '000001'));
  const exchange = await logic.workflowRunActionRepetitionsRequestHistories.get(GROUP, name, run.name, 'Ask', '000001', asked.name);
  assert.match(exchange.properties.request.uri, /\/1$/);
  assert.equal(exchange.properties.response.statusCode, 200);
  await refused(logic.workflowRunActionRepetitions.get(GROUP, name, run.name, 'Say', '000009'), 404, 'WorkflowRunActionRepetitionNotFound');
});

test('lists of runs: filters and pages; cancel', { timeout: 60_000 }, async () => {
  const name = unique('many');
  await put(name, definition({ Wait: { type: 'If', expression: "@equals(triggerBody()?['n'], 0)", actions: { Pause: { type: 'Wait', inputs: { interval: { count: 1, unit: 'Hour' } } } } } }));
  for (let n = 1; n <= 5; ++n) await ended(name, runOf(await call(name, { n }, { 'x-ms-client-tracking-id': `t${n}` })));
  const started = await call(name, { n: 0 });
  const waiting = runOf(started);
  const pages = [];
  for await (const page of logic.workflowRuns.list(GROUP, name, { top: 2 }).byPage()) pages.push(page.length);
  assert.deepEqual(pages, [2, 2, 2]);
  assert.equal((await all(logic.workflowRuns.list(GROUP, name, { filter: "status eq 'Succeeded'" }))).length, 5);
  assert.deepEqual((await all(logic.workflowRuns.list(GROUP, name, { filter: "clientTrackingId eq 't3'" }))).map((run) => run.correlation.clientTrackingId), ['t3']);
  assert.equal((await all(logic.workflowRuns.list(GROUP, name, { filter: 'startTime ge 2001-01-01T00:00:00Z and startTime lt 2001-01-02T00:00:00Z' }))).length, 0);
  await refused(all(logic.workflowRuns.list(GROUP, name, { filter: 'colour eq 1' })), 400, 'InvalidFilter');
  await refused(all(logic.workflowRuns.list(GROUP, name, { top: 1000 })), 400, 'InvalidTop');
  await logic.workflowRuns.cancel(GROUP, name, waiting);
  assert.equal((await logic.workflowRuns.get(GROUP, name, waiting)).status, 'Cancelled');
  await refused(logic.workflowRuns.cancel(GROUP, name, waiting), 409, 'WorkflowRunNotCancellable');
});

test('triggers: state, schedule, histories, resubmit', { timeout: 60_000 }, async () => {
  const name = unique('trigger');
  await put(name, definition({ Say: { type: 'Compose', inputs: '@triggerBody()' } }, { ...manual, hourly: { type: 'Recurrence', recurrence: { frequency: 'Hour', interval: 1 } } }));
  const triggers = await all(logic.workflowTriggers.list(GROUP, name));
  assert.deepEqual(triggers.map((one) => one.name).sort(), ['hourly', 'manual']);
  const hourly = await logic.workflowTriggers.get(GROUP, name, 'hourly');
  assert.equal(hourly.recurrence.frequency, 'Hour');
  assert.ok(hourly.nextExecutionTime > new Date());
  assert.deepEqual(JSON.parse((await logic.workflowTriggers.getSchemaJson(GROUP, name, 'manual')).content).properties, { n: { type: 'integer' } });
  await logic.workflowTriggers.reset(GROUP, name, 'hourly');
  await logic.workflowTriggers.setState(GROUP, name, 'hourly', { source: { id: `${(await logic.workflows.get(GROUP, name)).id}/triggers/hourly` } });
  assert.ok((await logic.workflowTriggers.get(GROUP, name, 'hourly')).nextExecutionTime);
  const version = (await logic.workflows.get(GROUP, name)).version;
  assert.match((await logic.workflowVersionTriggers.listCallbackUrl(GROUP, name, version, 'manual')).value, /sig=/);
  const run = await ended(name, runOf(await call(name, { n: 1 })));
  const [history] = await all(logic.workflowTriggerHistories.list(GROUP, name, 'manual'));
  assert.equal(history.fired, true);
  assert.equal(history.run.name, run.name);
  const full = await logic.workflowTriggerHistories.get(GROUP, name, 'manual', history.name);
  assert.deepEqual((await content(full.outputsLink)).body, { n: 1 });
  await logic.workflowTriggerHistories.resubmit(GROUP, name, 'manual', history.name);
  // The new run keeps the history entry of the old one.
  const [newest, first] = (await all(logic.workflowRuns.list(GROUP, name))).filter((one) => one.trigger.name === 'manual').map((one) => one.name);
  assert.equal(first, run.name);
  const again = await ended(name, newest);
  assert.equal(again.status, 'Succeeded');
  await refused(logic.workflowTriggers.get(GROUP, name, 'nobody'), 404, 'WorkflowTriggerNotFound');
  assert.ok((await all(logic.operations.list())).some((one) => one.name === 'Microsoft.Logic/workflows/read'));
});
