// The unmodified @azure/communication-email package against a running server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { EmailClient } from '@azure/communication-email';
import { startServer } from '../../conformance/server.mjs';

let server;
let client;
before(async () => {
  server = await startServer();
  client = new EmailClient(server.ready.connection_string, { allowInsecureConnection: true, retryOptions: { maxRetries: 0 } });
});
after(() => server?.stop());

const control = async (path, body) => {
  const answer = await fetch(new URL(path, server.ready.endpoint), {
    method: body ? 'POST' : 'GET',
    headers: { authorization: `Bearer ${server.ready.arm_token}`, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  assert.ok(answer.ok, `${path} answered ${answer.status}`);
  return answer.json();
};
const message = (address) => ({
  senderAddress: 'support@sandbox.trunkline.test',
  content: { subject: 'From Node.js', plainText: 'hello' },
  recipients: { to: [{ address }] },
});
const send = async (address, options = {}) => (await client.beginSend(message(address), { updateIntervalInMs: 50, ...options })).pollUntilDone();

test('a mail is in the sandbox inbox when the poller has ended', { timeout: 20_000 }, async () => {
  const result = await send('ann@example.com');
  assert.equal(result.status, 'Succeeded');
  const { items } = await control('/_control/mails?address=ann@example.com');
  assert.equal(items[0].operation_id, result.id);
  assert.equal(items[0].subject, 'From Node.js');
});

test('a mail to nobody but suppressed addresses fails as in Azure', { timeout: 20_000 }, async () => {
  await control('/_control/suppressions', { address: 'bob@example.com', note: 'asked' });
  await assert.rejects(send('bob@example.com'), /EmailDroppedAllRecipientsSuppressed/);
});
