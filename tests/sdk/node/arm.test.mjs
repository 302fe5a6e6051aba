// The unmodified @azure/arm-communication package: every documented refusal, polling, paging and older versions.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { CommunicationServiceManagementClient } from '@azure/arm-communication';
import { startServer } from '../../conformance/server.mjs';
import { loopback } from './loopback.mjs';

const SUBSCRIPTION = '00000000-0000-0000-0000-000000000001';
const GROUP = 'lab';
const quick = { updateIntervalInMs: 10 };
const resource = { location: 'global', dataLocation: 'United States' };
let server;
let arm;
let seen;

function client(subscription = SUBSCRIPTION, { token = server.ready.arm_token, apiVersion } = {}) {
  const credential = { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) };
  const record = { name: 'record', async sendRequest(request, next) { const response = await next(request); seen.push(response); return response; } };
  return new CommunicationServiceManagementClient(credential, subscription, {
    endpoint: server.ready.endpoint.replace('http:', 'https:'),
    httpClient: loopback(server.ready.endpoint),
    retryOptions: { maxRetries: 0 },
    additionalPolicies: [{ policy: record, position: 'perRetry' }],
    ...(apiVersion ? { apiVersion } : {}),
  });
}
before(async () => {
  server = await startServer();
  seen = [];
  arm = client();
});
after(() => server?.stop());

let next = 0;
const unique = (stem) => `${stem}-${++next}`;
const refused = (promise, status, code) => assert.rejects(promise, (error) => {
  assert.equal(`${error.statusCode} ${error.code}`, `${status} ${code}`, error.message);
  return true;
});
const service = (name, extra = {}) => arm.communicationServices.beginCreateOrUpdateAndWait(GROUP, name, { ...resource, ...extra }, quick);
const mail = (name, extra = {}) => arm.emailServices.beginCreateOrUpdateAndWait(GROUP, name, { ...resource, ...extra }, quick);
const domain = (mailName, name, domainManagement = 'CustomerManaged', extra = {}) =>
  arm.domains.beginCreateOrUpdateAndWait(GROUP, mailName, name, { location: 'global', domainManagement, ...extra }, quick);

test('communication services: what is refused, and how', { timeout: 30_000 }, async () => {
  const name = unique('acs');
  await service(name);
  await refused(service('no spaces'), 400, 'InvalidResourceName');
  await refused(service('x'.repeat(64)), 400, 'InvalidResourceName');
  await refused(service(unique('acs'), { dataLocation: 'Atlantis' }), 400, 'InvalidDataLocation');
  await refused(service(unique('acs'), { location: 'westus' }), 400, 'LocationNotAvailableForResourceType');
  await refused(service(name, { dataLocation: 'Europe' }), 400, 'PropertyChangeNotAllowed');
  await refused(service(name, { tags: { 'a<b': 'x' } }), 400, 'InvalidTagNameCharacters');
  await refused(service(name, { tags: { a: 'x'.repeat(257) } }), 400, 'InvalidTagValueSize');
  await refused(service(name, { tags: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`t${i}`, ''])) }), 400, 'InvalidTags');
  await refused(service(name, { linkedDomains: ['nonsense'] }), 400, 'DomainValidationError');
  await refused(service(name, { publicNetworkAccess: 'Maybe' }), 400, 'InvalidPropertyValue');
  await refused(service(name, { identity: { type: 'Odd' } }), 400, 'InvalidIdentityType');
  await refused(arm.communicationServices.beginCreateOrUpdateAndWait('other', name, resource, quick), 409, 'NameUnavailable');
  await refused(arm.communicationServices.get('other', name), 404, 'ResourceNotFound');
  await refused(arm.communicationServices.get(`${'g'.repeat(91)}`, name), 400, 'InvalidResourceGroup');
  await refused(arm.communicationServices.listKeys(GROUP, 'missing'), 404, 'ResourceNotFound');
  await refused(arm.communicationServices.update(GROUP, 'missing', {}), 404, 'ResourceNotFound');
  await refused(arm.communicationServices.checkNameAvailability({ name: 'x', type: 'Microsoft.Odd/Things' }), 400, 'InvalidResourceType');
});

test('notification hubs must be hubs of the same subscription', { timeout: 30_000 }, async () => {
  const name = unique('acs');
  await service(name);
  const link = (resourceId, connectionString = 'Endpoint=sb://x/') =>
    arm.communicationServices.linkNotificationHub(GROUP, name, { linkNotificationHubParameters: { resourceId, connectionString } });
  const hub = (subscription) => `/subscriptions/${subscription}/resourceGroups/g/providers/Microsoft.NotificationHubs/namespaces/n/notificationHubs/h`;
  await refused(link(hub(randomUUID())), 400, 'WrongSubscription');
  await refused(link('nonsense'), 400, 'InvalidPropertyValue');
  await link(hub(SUBSCRIPTION));
  assert.equal((await arm.communicationServices.get(GROUP, name)).notificationHubId, hub(SUBSCRIPTION));
});

test('names: free, taken, impossible', { timeout: 30_000 }, async () => {
  const ask = (name, type = 'Microsoft.Communication/CommunicationServices') => arm.communicationServices.checkNameAvailability({ name, type });
  assert.equal((await ask('surely-free')).nameAvailable, true);
  assert.equal((await ask('TRUNKLINE')).reason, 'AlreadyExists');
  assert.equal((await ask('a b')).reason, 'Invalid');
  await mail('taken-mail');
  assert.equal((await ask('taken-mail', 'Microsoft.Communication/EmailServices')).reason, 'AlreadyExists');
  assert.equal((await ask('taken_mail', 'Microsoft.Communication/EmailServices')).reason, 'Invalid');
});

test('email services and domains: what is refused, and how', { timeout: 30_000 }, async () => {
  const name = unique('mail');
  await mail(name);
  await refused(mail('under_score'), 400, 'InvalidResourceName');
  await refused(mail(unique('mail'), { dataLocation: 'Atlantis' }), 400, 'InvalidDataLocation');
  await refused(mail(name, { dataLocation: 'Europe' }), 400, 'PropertyChangeNotAllowed');
  await refused(domain(name, 'nodot'), 400, 'InvalidDomainName');
  await refused(domain(name, 'contoso.example', 'AzureManaged'), 400, 'InvalidDomainName');
  await refused(domain(name, 'AzureManagedDomain'), 400, 'InvalidDomainName');
  await refused(domain(name, 'contoso.example', 'Odd'), 400, 'InvalidPropertyValue');
  await refused(domain('missing', 'contoso.example'), 404, 'ParentResourceNotFound');
  await domain(name, 'contoso.example');
  await refused(domain(name, 'contoso.example', 'CustomerManagedInExchangeOnline'), 400, 'PropertyChangeNotAllowed');
  await refused(arm.domains.get(GROUP, name, 'missing.example'), 404, 'ResourceNotFound');
  await refused(arm.domains.beginUpdateAndWait(GROUP, name, 'missing.example', {}, quick), 404, 'ResourceNotFound');
  await refused(arm.domains.beginUpdateAndWait(GROUP, name, 'contoso.example', { userEngagementTracking: 'Odd' }, quick), 400, 'InvalidPropertyValue');
  await refused(arm.emailServices.beginDeleteAndWait(GROUP, name, quick), 409, 'CannotDeleteResource');
  const verify = (verificationType, target = 'contoso.example') =>
    arm.domains.beginInitiateVerificationAndWait(GROUP, name, target, { verificationType }, quick);
  const cancel = (verificationType) => arm.domains.beginCancelVerificationAndWait(GROUP, name, 'contoso.example', { verificationType }, quick);
  await refused(verify('Odd'), 400, 'InvalidPropertyValue');
  await refused(verify('SPF', 'missing.example'), 404, 'ResourceNotFound');
  await refused(cancel('SPF'), 409, 'InvalidVerificationState');
  await verify('SPF');
  await refused(verify('SPF'), 409, 'InvalidVerificationState');
  await cancel('SPF');
});

test('senders, suppression lists, SMTP usernames: what is refused, and how', { timeout: 30_000 }, async () => {
  const name = unique('mail');
  await mail(name);
  await domain(name, 'AzureManagedDomain', 'AzureManaged');
  const scope = [GROUP, name, 'AzureManagedDomain'];
  const sender = (resourceName, username = resourceName) => arm.senderUsernames.createOrUpdate(...scope, resourceName, { username });
  await refused(sender('a', 'b'), 400, 'InvalidPropertyValue');
  await refused(sender('a b'), 400, 'InvalidSenderUserName');
  await refused(arm.senderUsernames.createOrUpdate(GROUP, name, 'missing.example', 'a', { username: 'a' }), 404, 'ParentResourceNotFound');
  await refused(arm.senderUsernames.get(...scope, 'missing'), 404, 'ResourceNotFound');
  for (let i = 1; i < 100; ++i) await sender(`s${i}`);
  await refused(sender('one-too-many'), 400, 'TooManySenderUsernames');

  await refused(arm.suppressionLists.createOrUpdate(...scope, 'list', { listName: 'a b' }), 400, 'InvalidPropertyValue');
  await refused(arm.suppressionLists.get(...scope, 'missing'), 404, 'ResourceNotFound');
  await refused(arm.suppressionListAddresses.createOrUpdate(...scope, 'missing', 'a1', { email: 'a@b.example' }), 404, 'ParentResourceNotFound');
  await arm.suppressionLists.createOrUpdate(...scope, 'list', { listName: '' });
  await refused(arm.suppressionListAddresses.createOrUpdate(...scope, 'list', 'a1', { email: 'nonsense' }), 400, 'InvalidPropertyValue');
  await refused(arm.suppressionListAddresses.createOrUpdate(...scope, 'list', 'a1', { email: 'a@b.example', notes: 'x'.repeat(1025) }), 400, 'InvalidPropertyValue');
  await refused(arm.suppressionListAddresses.get(...scope, 'list', 'missing'), 404, 'ResourceNotFound');

  const acs = unique('acs');
  await service(acs);
  const smtp = (resourceName, body) => arm.smtpUsernames.createOrUpdate(GROUP, acs, resourceName, { username: 'relay', entraApplicationId: randomUUID(), tenantId: randomUUID(), ...body });
  await refused(smtp('r1', { tenantId: 'nonsense' }), 400, 'InvalidPropertyValue');
  await refused(smtp('r1', { username: 'a b' }), 400, 'InvalidPropertyValue');
  await smtp('r1');
  await refused(smtp('r2'), 409, 'Conflict');
  await refused(arm.smtpUsernames.get(GROUP, acs, 'missing'), 404, 'ResourceNotFound');
});

test('a domain that is linked cannot go, one that is not verified cannot be linked', { timeout: 30_000 }, async () => {
  const name = unique('mail');
  await mail(name);
  const ready = await domain(name, 'AzureManagedDomain', 'AzureManaged');
  const fresh = await domain(name, 'fabrikam.example');
  const acs = unique('acs');
  await refused(service(acs, { linkedDomains: [fresh.id] }), 400, 'DomainValidationError');
  await refused(arm.communicationServices.get(GROUP, acs), 404, 'ResourceNotFound');
  await service(acs, { linkedDomains: [ready.id] });
  await refused(arm.domains.beginDeleteAndWait(GROUP, name, 'AzureManagedDomain', quick), 409, 'DomainLinked');
  await refused(service(unique('acs'), { dataLocation: 'Europe', linkedDomains: [ready.id] }), 400, 'DomainValidationError');
  await arm.communicationServices.update(GROUP, acs, { linkedDomains: [] });
  await arm.domains.beginDeleteAndWait(GROUP, name, 'AzureManagedDomain', quick);
});

test('operations are polled where the answer says', { timeout: 30_000 }, async () => {
  const name = unique('acs');
  seen.length = 0;
  await service(name);
  const put = seen.find((response) => response.request.method === 'PUT');
  assert.equal(put.status, 201);
  assert.match(put.headers.get('azure-asyncoperation'), /^\/providers\/Microsoft\.Communication\/locations\/global\/operationStatuses\//);
  const poll = seen.find((response) => response.request.url.includes('/operationStatuses/'));
  assert.equal(JSON.parse(poll.bodyAsText).status, 'Succeeded');
  seen.length = 0;
  await arm.communicationServices.beginDeleteAndWait(GROUP, name, quick);
  assert.equal(seen.find((response) => response.request.method === 'DELETE').status, 202);
  assert.ok(seen.some((response) => response.request.url.includes('/operationResults/') || response.request.url.includes('/operationStatuses/')));
});

test('long lists come in pages', { timeout: 60_000 }, async () => {
  const names = Array.from({ length: 101 }, () => unique('many'));
  const pages = client(randomUUID());
  for (const name of names) await pages.emailServices.beginCreateOrUpdateAndWait('paged', name, resource, quick);
  const sizes = [];
  const found = [];
  for await (const page of pages.emailServices.listByResourceGroup('paged').byPage()) {
    sizes.push(page.length);
    found.push(...page.map((item) => item.name));
  }
  assert.deepEqual(sizes, [100, 1]);
  assert.deepEqual(found.sort(), names.sort());
});

test('a subscription sees its own resources only', { timeout: 30_000 }, async () => {
  const other = client(randomUUID());
  for await (const item of other.communicationServices.listBySubscription()) assert.fail(`found ${item.name}`);
  await refused(other.communicationServices.get('trunkline', 'trunkline'), 404, 'ResourceNotFound');
});

test('a wrong token is refused', { timeout: 30_000 }, async () => {
  await assert.rejects(client(SUBSCRIPTION, { token: 'wrong' }).communicationServices.get(GROUP, 'x'), { statusCode: 401 });
});

test('requests that no SDK sends', { timeout: 30_000 }, async () => {
  const path = `/subscriptions/${SUBSCRIPTION}/resourceGroups/${GROUP}/providers/Microsoft.Communication`;
  const send = async (method, target, body) => {
    const response = await fetch(server.ready.endpoint + target, {
      method, body, headers: { authorization: `Bearer ${server.ready.arm_token}`, ...(body ? { 'content-type': 'application/json' } : {}) },
    });
    const text = await response.text();
    return `${response.status} ${text ? JSON.parse(text).error?.code : ''}`;
  };
  const v = '?api-version=2023-04-01';
  assert.equal(await send('GET', `/subscriptions/odd/resourceGroups/g/providers/Microsoft.Communication/communicationServices/x${v}`), '400 InvalidSubscriptionId');
  assert.equal(await send('PUT', `${path}/communicationServices/x${v}`, '{"properties":{"dataLocation":"UK"}}'), '400 LocationRequired');
  assert.equal(await send('PUT', `${path}/communicationServices/x${v}`, '{"location":"global"}'), '400 InvalidRequestContent');
  assert.equal(await send('PUT', `${path}/communicationServices/x${v}`, '[]'), '400 InvalidRequestContent');
  assert.equal(await send('PUT', `${path}/communicationServices/x${v}`, '{"location":'), '400 BadRequest');
  assert.equal(await send('PUT', `${path}/communicationServices/x${v}`), '400 InvalidRequestContent');
  assert.equal(await send('PUT', `${path}/communicationServices/x${v}`, `{"x":"${'x'.repeat(300_000)}"}`), '413 RequestEntityTooLarge');
  assert.equal(await send('POST', `${path.replace(GROUP, 'trunkline')}/communicationServices/trunkline/regenerateKey${v}`, '{"keyType":"Third"}'), '400 InvalidPropertyValue');
  assert.equal(await send('GET', `${path}/communicationServices/x`), '400 ApiVersionUnspecified');
  assert.equal(await send('GET', `${path}/communicationServices/x?api-version=latest`), '400 UnsupportedApiVersion');
  assert.equal(await send('GET', `${path}/communicationServices${v}&$skipToken=soon`), '400 InvalidSkipToken');
  assert.equal(await send('GET', `/providers/Microsoft.Communication/locations/global/operationStatuses/none${v}`), '404 OperationNotFound');
  assert.equal(await send('GET', `/${path.toUpperCase()}/CommunicationServices${v}`), '200 undefined');
});

// Those that were published; the packages can be told which to speak.
for (const apiVersion of ['2020-08-20', '2021-10-01-preview', '2022-07-01-preview', '2023-03-31', '2023-04-01', '2023-06-01-preview', '2025-05-01', '2025-09-01', '2026-03-18']) {
  test(`version ${apiVersion}: services, keys, mail and its children`, { timeout: 30_000 }, async () => {
    const old = client(SUBSCRIPTION, { apiVersion });
    const [name, post] = [unique('acs'), unique('mail')];
    const from = seen.length;
    const made = await old.communicationServices.beginCreateOrUpdateAndWait(GROUP, name, { ...resource, tags: { a: '1' } }, quick);
    assert.deepEqual([made.name, made.provisioningState, made.tags.a], [name, 'Succeeded', '1']);
    assert.ok((await old.communicationServices.listKeys(GROUP, name)).primaryKey);
    assert.ok((await old.communicationServices.regenerateKey(GROUP, name, { keyType: 'Secondary' })).secondaryKey);
    assert.equal((await old.communicationServices.update(GROUP, name, { tags: { a: '2' } })).tags.a, '2');
    await old.emailServices.beginCreateOrUpdateAndWait(GROUP, post, resource, quick);
    const own = await old.domains.beginCreateOrUpdateAndWait(GROUP, post, 'shop.example', { location: 'global', domainManagement: 'CustomerManaged' }, quick);
    assert.ok(own.verificationRecords.spf);
    await old.senderUsernames.createOrUpdate(GROUP, post, 'shop.example', 'news', { username: 'news' });
    await old.domains.beginDeleteAndWait(GROUP, post, 'shop.example', quick);
    await old.emailServices.beginDeleteAndWait(GROUP, post, quick);
    await old.communicationServices.beginDeleteAndWait(GROUP, name, quick);
    await refused(old.communicationServices.get(GROUP, name), 404, 'ResourceNotFound');
    const spoken = new Set(seen.slice(from).map((response) => new URL(response.request.url).searchParams.get('api-version')));
    assert.deepEqual([...spoken], [apiVersion], 'polling included');
  });
}
