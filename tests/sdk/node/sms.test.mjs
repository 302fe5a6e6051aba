// The unmodified @azure/communication-sms package against a running server; the delivery report is read on the control side.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PhoneNumbersClient } from '@azure/communication-phone-numbers';
import { SmsClient } from '@azure/communication-sms';
import { startServer } from '../../conformance/server.mjs';

const PHONE = '+14255550123';
const options = { allowInsecureConnection: true, retryOptions: { maxRetries: 0 } };
let server;
let sms;
let from;

before(async () => {
  server = await startServer();
  sms = new SmsClient(server.ready.connection_string, options);
  for await (const number of new PhoneNumbersClient(server.ready.connection_string, options).listPurchasedPhoneNumbers()) {
    from = number.phoneNumber;
    break;
  }
  assert.ok(from, 'the development resource owns a number');
});
after(() => server?.stop());

/** Asks the control side until `pick` finds something; bounded by the test's own limit. */
async function control(path, pick) {
  for (;;) {
    const response = await fetch(new URL(path, server.ready.endpoint), { headers: { authorization: `Bearer ${server.ready.arm_token}` } });
    assert.equal(response.status, 200, `GET ${path} answered ${response.status}`);
    const found = pick(await response.json());
    if (found) return found;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('a send is accepted and reported as delivered', { timeout: 20_000 }, async () => {
  const [result] = await sms.send({ from, to: [PHONE], message: 'from Node.js' }, { enableDeliveryReport: true, tag: 'sdk' });
  assert.equal(result.httpStatusCode, 202);
  assert.equal(result.successful, true);
  const event = await control('/_control/events?after=0', (page) =>
    page.items.find((e) => e.type === 'Microsoft.Communication.SMSDeliveryReportReceived' && e.data.messageId === result.messageId));
  assert.equal(event.data.deliveryStatus, 'Delivered');
  assert.equal(event.data.tag, 'sdk');
});

test('the virtual phone shows the text', { timeout: 20_000 }, async () => {
  const [result] = await sms.send({ from, to: [PHONE], message: 'shown' });
  const message = await control(`/_control/phones/${encodeURIComponent(PHONE)}/messages`, (page) =>
    page.items.find((m) => m.message_id === result.messageId));
  assert.equal(message.text, 'shown');
});

test('a wrong key is refused', { timeout: 20_000 }, async () => {
  const wrong = new SmsClient(`endpoint=${server.ready.endpoint};accesskey=${Buffer.from('wrong').toString('base64')}`, options);
  await assert.rejects(wrong.send({ from, to: [PHONE], message: 'no' }), (error) => error.statusCode === 401);
});
