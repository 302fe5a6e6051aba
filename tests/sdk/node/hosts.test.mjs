// How the unmodified packages reach one resource of several: by the key, by a host name, by a port of its own.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { CommunicationServiceManagementClient } from '@azure/arm-communication';
import { CommunicationIdentityClient } from '@azure/communication-identity';
import { startServer } from '../../conformance/server.mjs';
import { loopback } from './loopback.mjs';

const options = { allowInsecureConnection: true, retryOptions: { maxRetries: 0 } };
let folder;
let server;
let resources;

before(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'trunkline-hosts-'));
  const config = path.join(folder, 'trunkline.yaml');
  fs.writeFileSync(config, `
listen: {port: 0, tls: off}
log: {level: off}
providers: [{name: id, plugin: identity-local}]
resources:
  - name: first
  - name: second
    hosts: [localhost]
  - name: third
    port: 0
  - name: locked
    local_auth: false
`);
  server = await startServer({ args: ['--config', config] });
  const response = await fetch(`${server.ready.endpoint}/_control/resources`, { headers: { authorization: `Bearer ${server.ready.arm_token}` } });
  resources = Object.fromEntries((await response.json()).items.map((item) => [item.name, item]));
});
after(async () => {
  await server?.stop();
  fs.rmSync(folder, { recursive: true, force: true });
});

const owner = async (connection) => {
  const user = await new CommunicationIdentityClient(connection, options).createUser();
  return Object.values(resources).find((item) => user.communicationUserId.includes(item.resource_id)).name;
};
const connection = (endpoint, name) => `endpoint=${endpoint}/;accesskey=${resources[name].primary_key}`;
const refused = (promise) => assert.rejects(promise, { statusCode: 401 });

test('by the key that verifies', { timeout: 20_000 }, async () => {
  assert.equal(await owner(connection(server.ready.endpoint, 'first')), 'first');
  assert.equal(await owner(connection(server.ready.endpoint, 'second')), 'second');
});

test('by a host name, which admits no other key', { timeout: 20_000 }, async () => {
  const named = server.ready.endpoint.replace('127.0.0.1', 'localhost');
  assert.equal(await owner(connection(named, 'second')), 'second');
  await refused(owner(connection(named, 'first')));
});

test('by a port of its own, as its connection string says', { timeout: 20_000 }, async () => {
  const own = resources.third.connection_string;
  assert.notEqual(new URL(own.split(';')[0].slice('endpoint='.length)).port, new URL(server.ready.endpoint).port);
  assert.equal(await owner(own), 'third');
  await refused(owner(own.replace(resources.third.primary_key, resources.first.primary_key)));
});

test('not at all with a key while local authentication is off', { timeout: 20_000 }, async () => {
  await refused(owner(connection(server.ready.endpoint, 'locked')));
});

test('the management plane says where each is, and its keys work there', { timeout: 20_000 }, async () => {
  const credential = { getToken: async () => ({ token: server.ready.arm_token, expiresOnTimestamp: Date.now() + 3_600_000 }) };
  const arm = new CommunicationServiceManagementClient(credential, '00000000-0000-0000-0000-000000000001', {
    endpoint: server.ready.endpoint.replace('http:', 'https:'), httpClient: loopback(server.ready.endpoint),
  });
  for (const name of ['first', 'second', 'third']) {
    const keys = await arm.communicationServices.listKeys('trunkline', name);
    assert.equal(await owner(keys.primaryConnectionString), name);
    assert.equal(await owner(keys.secondaryConnectionString), name);
  }
  const locked = await arm.communicationServices.get('trunkline', 'locked');
  assert.equal(locked.disableLocalAuth, true);
  await arm.communicationServices.beginCreateOrUpdateAndWait('trunkline', 'locked', { location: 'global', dataLocation: 'United States', disableLocalAuth: false });
  assert.equal(await owner(connection(server.ready.endpoint, 'locked')), 'locked');
});
