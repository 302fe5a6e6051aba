// Run by identity.test.mjs with NODE_EXTRA_CA_CERTS: an application and a person sign in at the development issuer.
import assert from 'node:assert/strict';
import { AzureCommunicationTokenCredential } from '@azure/communication-common';
import { CommunicationIdentityClient } from '@azure/communication-identity';
import { ClientSecretCredential } from '@azure/identity';

const endpoint = process.argv[2];
const tenant = '22222222-2222-4222-8222-000000000001';
const application = '11111111-1111-4111-8111-000000000001';
const credential = new ClientSecretCredential(tenant, application, 'any secret', { authorityHost: endpoint, disableInstanceDiscovery: true });

// In place of the access key.
const identity = new CommunicationIdentityClient(endpoint, credential, { retryOptions: { maxRetries: 0 } });
const { user, token } = await identity.createUserAndToken(['chat']);
assert.match(user.communicationUserId, /^8:acs:/);
assert.ok(token);
const forged = { getToken: async () => ({ token: token, expiresOnTimestamp: Date.now() + 3600_000 }) };
await assert.rejects(new CommunicationIdentityClient(endpoint, forged, { retryOptions: { maxRetries: 0 } }).createUser(), { statusCode: 401 });

// A person's token for a user access token.
const person = new AzureCommunicationTokenCredential({ resourceEndpoint: endpoint, tokenCredential: credential });
const access = await person.getToken();
assert.ok(access.expiresOnTimestamp > Date.now());
const claims = JSON.parse(Buffer.from(access.token.split('.')[1], 'base64url'));
assert.match(claims.skypeid, /^acs:/);
person.dispose();

// The same for the Teams phone extension: only once it is assigned, and only for the applications that it is assigned for.
const teams = { resourceEndpoint: endpoint, tokenCredential: credential, scopes: ['https://auth.msft.communication.azure.com/TeamsExtension.ManageCalls'] };
const { token: appToken } = await credential.getToken('https://communication.azure.com/.default');
const { oid } = JSON.parse(Buffer.from(appToken.split('.')[1], 'base64url'));
const assignment = `${endpoint}/access/teamsExtension/tenants/${tenant}/assignments/${oid}?api-version=2025-06-30`;
async function assign(method, body) {
  const headers = { authorization: `Bearer ${appToken}`, 'content-type': 'application/json' };
  const response = await fetch(assignment, { method, headers, body: body && JSON.stringify(body) });
  return [response.status, response.status === 204 ? undefined : await response.json()];
}
const exchange = async () => {
  const credential = new AzureCommunicationTokenCredential(teams);
  try {
    return await credential.getToken();
  } finally {
    credential.dispose();
  }
};
assert.equal((await assign('GET'))[0], 404);
await assert.rejects(exchange(), /403/);
assert.equal((await assign('PUT', { principalType: 'robot' }))[0], 400);
assert.deepEqual(await assign('PUT', { principalType: 'user' }), [201, { tenantId: tenant, objectId: oid, principalType: 'user', clientIds: [] }]);
const extended = JSON.parse(Buffer.from((await exchange()).token.split('.')[1], 'base64url'));
assert.equal(extended.skypeid, `acs:${extended.resourceId}_${tenant}_${oid}`);
assert.equal((await assign('PUT', { principalType: 'user', clientIds: ['33333333-3333-4333-8333-333333333333'] }))[0], 200);
await assert.rejects(exchange(), /403/);
assert.equal((await assign('DELETE'))[0], 204);
assert.equal((await assign('GET'))[0], 404);
process.exit(0);
