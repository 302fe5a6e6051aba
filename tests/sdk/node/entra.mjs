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
process.exit(0);
