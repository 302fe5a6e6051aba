// Mail through the provider email-smtp to servers that are not ours (npm smtp-server), read by a parser that is not ours
// (mailparser), its signatures checked by npm mailauth; sent with the unmodified @azure/communication-email.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { EmailClient } from '@azure/communication-email';
import { authenticate } from 'mailauth';
import { simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';
import { startServer } from '../../conformance/server.mjs';

const KEY = 'dHJ1bmtsaW5lLWRldmVsb3BtZW50LWFjY2Vzcy1rZXk=';
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'trunkline-smtp-'));
const file = (name) => path.join(scratch, name);
const openssl = (...args) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] });
const mails = [];
const methods = [];
let connections = 0;
let secure;
let implicit;

function listen(options) {
  const server = new SMTPServer({
    key: fs.readFileSync(file('key.pem')),
    cert: fs.readFileSync(file('cert.pem')),
    authMethods: ['PLAIN', 'LOGIN', 'XOAUTH2'],
    onConnect(session, done) { connections += 1; done(); },
    onAuth(auth, session, done) {
      const ok = auth.username === 'user' && (auth.password === 'secret' || auth.accessToken === 'token');
      methods.push(auth.method);
      done(ok ? null : Object.assign(new Error('wrong credentials'), { responseCode: 535 }), { user: auth.username });
    },
    onRcptTo(address, session, done) {
      if (address.address.startsWith('gone')) return done(Object.assign(new Error('no such user'), { responseCode: 550 }));
      if (address.address.startsWith('later')) return done(Object.assign(new Error('try later'), { responseCode: 451 }));
      done();
    },
    onData(stream, session, done) {
      const chunks = [];
      stream.on('data', (chunk) => chunks.push(chunk));
      // The session is another mail's afterwards.
      const to = session.envelope.rcptTo.map((recipient) => recipient.address);
      const { bodyType, smtpUtf8, dsn } = session.envelope;
      const asked = session.envelope.rcptTo.map((recipient) => recipient.dsn);
      stream.on('end', () => { mails.push({ raw: Buffer.concat(chunks), secure: session.secure, to, bodyType, smtpUtf8, dsn, asked }); done(null, `queued as m${mails.length}`); });
    },
    ...options,
  });
  server.on('error', () => {});  // clients that do not like our certificate
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve({ server, port: server.server.address().port })));
}

before(async () => {
  openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', file('key.pem'), '-out', file('cert.pem'), '-days', '2', '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1');
  openssl('genrsa', '-out', file('dkim_rsa.pem'), '2048');
  openssl('genpkey', '-algorithm', 'ed25519', '-out', file('dkim_ed.pem'));
  secure = await listen({});
  implicit = await listen({ secure: true });
});
after(() => {
  secure?.server.close();
  implicit?.server.close();
  fs.rmSync(scratch, { recursive: true, force: true });
});

/** A server whose mail goes out with these settings. */
async function trunkline(settings, secrets = '') {
  const config = file(`trunkline-${Math.random().toString(36).slice(2)}.yaml`);
  fs.writeFileSync(config, `control: {enabled: true}
listen: {tls: off}
log: {level: off}
providers:
  - name: relay
    plugin: email-smtp
    config: ${JSON.stringify(settings)}
    secrets: {${secrets}}
resources:
  - name: shop
    primary_key: {value: ${KEY}}
    email_domains: [{domain: shop.test, senders: [{username: news, display_name: "Shöp, News"}]}]
`);
  const server = await startServer({ args: ['--config', config], cwd: scratch });
  return { server, client: new EmailClient(`endpoint=${server.ready.endpoint}/;accesskey=${KEY}`, { allowInsecureConnection: true, retryOptions: { maxRetries: 0 } }) };
}
const smtp = (more = {}) => ({ host: '127.0.0.1', port: secure.port, ca_file: file('cert.pem'), username: 'user', ...more });
const PASSWORD = 'password: {value: secret}';
const message = (to, more = {}) => ({
  senderAddress: 'news@shop.test',
  content: { subject: 'Grüße № 1 – a rather long subject line that needs folding ✓', plainText: 'Héllo wörld\n.leading dot\n', html: '<p>Héllo <img src="cid:logo"></p>' },
  recipients: { to: to.map((address) => ({ address, displayName: 'Ännchen' })) },
  ...more,
});
const send = async (client, m) => (await client.beginSend(m, { updateIntervalInMs: 50 })).pollUntilDone();
async function record(server, id) {
  const answer = await fetch(`${server.ready.endpoint}/_control/emails/${id}`, { headers: { authorization: `Bearer ${server.ready.arm_token}` } });
  return answer.json();
}

test('a whole mail over STARTTLS, signed with RSA and Ed25519', { timeout: 30_000 }, async () => {
  const dkim = [{ domain: 'shop.test', selector: 's1' }, { domain: 'shop.test', selector: 'e1', secret: 'dkim_key_2' }];
  const { server, client } = await trunkline(smtp({ dkim }), `${PASSWORD}, dkim_key: {file: ${file('dkim_rsa.pem')}}, dkim_key_2: {file: ${file('dkim_ed.pem')}}`);
  try {
    mails.length = 0;
    const result = await send(client, message(['ann@example.com', 'gone@example.com'], {
      replyTo: [{ address: 'answers@shop.test' }],
      headers: { 'X-Campaign': 'früh' },
      attachments: [
        { name: 'résumé.bin', contentType: 'application/octet-stream', contentInBase64: Buffer.alloc(3000, 7).toString('base64') },
        { name: 'logo.png', contentType: 'image/png', contentInBase64: Buffer.from([137, 80, 78, 71]).toString('base64'), contentId: 'logo' },
      ],
    }));
    assert.equal(result.status, 'Succeeded');
    const [{ raw, secure: encrypted, to }] = mails;
    assert.equal(encrypted, true);
    assert.deepEqual(to, ['ann@example.com']);
    const mail = await simpleParser(raw);
    assert.equal(mail.subject, 'Grüße № 1 – a rather long subject line that needs folding ✓');
    assert.equal(mail.from.value[0].name, 'Shöp, News');
    assert.equal(mail.to.value[0].name, 'Ännchen');
    assert.equal(mail.text, 'Héllo wörld\n.leading dot\n');
    assert.match(mail.html, /<img src="data:image\/png;base64,iVBORw==">|cid:logo/);
    assert.equal(mail.headers.get('x-campaign'), '=?utf-8?B?ZnLDvGg=?=');  // the parser leaves unknown headers as they are
    assert.equal(mail.replyTo.value[0].address, 'answers@shop.test');
    assert.deepEqual(mail.attachments.map((a) => [a.filename, a.size, a.cid]), [['logo.png', 4, 'logo'], ['résumé.bin', 3000, undefined]]);
    assert.equal(mail.messageId, `<${result.id}@shop.test>`);

    const rsa = execFileSync('openssl', ['rsa', '-in', file('dkim_rsa.pem'), '-pubout'], { stdio: ['ignore', 'pipe', 'ignore'] }).toString().replace(/-----.*-----|\n/g, '');
    const ed = openssl('pkey', '-in', file('dkim_ed.pem'), '-pubout', '-outform', 'DER').subarray(-32).toString('base64');
    const resolver = async (name) => {
      if (name === 's1._domainkey.shop.test') return [[`v=DKIM1; k=rsa; p=${rsa}`]];
      if (name === 'e1._domainkey.shop.test') return [[`v=DKIM1; k=ed25519; p=${ed}`]];
      throw Object.assign(new Error('ENOTFOUND'), { code: 'ENOTFOUND' });
    };
    const { dkim: verdict } = await authenticate(raw, { resolver, trustReceived: false, ip: '127.0.0.1', helo: 'x', sender: 'news@shop.test', mta: 'mx' });
    assert.deepEqual(verdict.results.map((r) => [r.selector, r.status.result]).sort(), [['e1', 'pass'], ['s1', 'pass']]);

    const { recipients } = await record(server, result.id);
    assert.deepEqual(recipients.map((r) => [r.address, r.state, r.status_code]), [['ann@example.com', 'delivered', '2.0.0'], ['gone@example.com', 'bounced', '5.1.1']]);
  } finally {
    await server.stop();
  }
});

test('many mails over few connections', { timeout: 60_000 }, async () => {
  const { server, client } = await trunkline(smtp({ connections: 3 }), PASSWORD);
  try {
    mails.length = 0;
    connections = 0;
    const ids = await Promise.all(Array.from({ length: 60 }, async (_, i) => (await send(client, message([`r${i}@example.com`]))).id));
    assert.equal(new Set(ids).size, 60);
    assert.equal(new Set(mails.map((m) => m.to[0])).size, 60);
    assert.equal(mails.length, 60);
    assert.ok(connections <= 3, `${connections} connections`);
  } finally {
    await server.stop();
  }
});

test('implicit TLS, and XOAUTH2', { timeout: 30_000 }, async () => {
  const { server, client } = await trunkline(smtp({ port: implicit.port, tls: 'implicit' }), 'access_token: {value: token}');
  try {
    mails.length = 0;
    assert.equal((await send(client, message(['ann@example.com']))).status, 'Succeeded');
    assert.equal(mails[0].secure, true);
  } finally {
    await server.stop();
  }
});

test('reports are asked for where the server offers them', { timeout: 60_000 }, async () => {
  const offering = await listen({ hideDSN: false });
  const asking = await trunkline(smtp({ port: offering.port, reports: 'dsn', notify: ['success', 'failure', 'delay'], return: 'full' }), PASSWORD);
  const refused = await trunkline(smtp({ reports: 'dsn' }), PASSWORD);
  try {
    mails.length = 0;
    const { id } = await send(asking.client, message(['ann+1@example.com']));
    assert.deepEqual(mails[0].dsn, { ret: 'FULL', envid: id });
    assert.deepEqual(mails[0].asked, [{ notify: ['DELAY', 'FAILURE', 'SUCCESS'], orcpt: 'rfc822;ann+1@example.com' }]);
    assert.deepEqual((await record(asking.server, id)).recipients.map((r) => r.state), ['sent']);
    const silent = await send(refused.client, message(['ann@example.com']));
    assert.deepEqual((await record(refused.server, silent.id)).recipients.map((r) => r.state), ['delivered']);
  } finally {
    await Promise.all([asking.server.stop(), refused.server.stop()]);
    offering.server.close();
  }
});

test('AUTH LOGIN, where it is wanted and where nothing else is offered', { timeout: 90_000 }, async () => {
  const only = await listen({ authMethods: ['LOGIN'] });
  try {
    for (const settings of [{ auth: 'login' }, { port: only.port }]) {
      const { server, client } = await trunkline(smtp(settings), PASSWORD);
      try {
        mails.length = methods.length = 0;
        assert.equal((await send(client, message(['ann@example.com']))).status, 'Succeeded');
        assert.deepEqual(methods, ['LOGIN']);
        assert.equal(mails.length, 1);
      } finally {
        await server.stop();
      }
    }
  } finally {
    only.server.close();
  }
});

test('SMTPUTF8 for addresses beyond ASCII', { timeout: 90_000 }, async () => {
  const ascii = await listen({ hideSMTPUTF8: true });
  const taken = await trunkline(smtp(), PASSWORD);
  const refused = await trunkline(smtp({ port: ascii.port }), PASSWORD);
  try {
    mails.length = 0;
    const to = 'jürgen@bücher.example';
    assert.equal((await send(taken.client, message([to]))).status, 'Succeeded');
    assert.equal(mails[0].smtpUtf8, true);
    assert.deepEqual(mails[0].to, [to]);
    assert.equal((await simpleParser(mails[0].raw)).to.value[0].address, to);
    assert.equal((await send(taken.client, message(['ann@example.com']))).status, 'Succeeded');
    assert.equal(mails[1].smtpUtf8, false);
    await assert.rejects(send(refused.client, message([to])));
    assert.equal(mails.length, 2);
  } finally {
    await taken.server.stop();
    await refused.server.stop();
    ascii.server.close();
  }
});

test('8BITMIME where it is wanted and offered', { timeout: 90_000 }, async () => {
  const old = await listen({ hide8BITMIME: true });
  try {
    for (const [port, wanted] of [[secure.port, true], [old.port, false]]) {
      const { server, client } = await trunkline(smtp({ port, eight_bit: true }), PASSWORD);
      try {
        mails.length = 0;
        assert.equal((await send(client, message(['ann@example.com']))).status, 'Succeeded');
        const [{ raw, bodyType }] = mails;
        assert.equal(bodyType, wanted ? '8bitmime' : '7bit');
        assert.equal(raw.includes(Buffer.from('Héllo')), wanted);
        assert.equal(/^content-transfer-encoding: 8bit/im.test(raw.toString('latin1')), wanted);
        assert.equal((await simpleParser(raw)).text, 'Héllo wörld\n.leading dot\n');
      } finally {
        await server.stop();
      }
    }
  } finally {
    old.server.close();
  }
});

test('wrong credentials fail at once and say so', { timeout: 30_000 }, async () => {
  const { server, client } = await trunkline(smtp(), 'password: {value: wrong}');
  try {
    await assert.rejects(send(client, message(['ann@example.com'])), /refused the credentials/);
  } finally {
    await server.stop();
  }
});

test('a certificate that is not trusted carries no mail', { timeout: 30_000 }, async () => {
  openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', file('other_key.pem'), '-out', file('other.pem'), '-days', '2', '-subj', '/CN=127.0.0.1');
  const { server, client } = await trunkline(smtp({ ca_file: file('other.pem') }), PASSWORD);
  try {
    mails.length = 0;
    const poller = await client.beginSend(message(['ann@example.com']), { updateIntervalInMs: 50 });
    const id = JSON.parse(poller.toString()).state.config.operationLocation.match(/operations\/([^?]+)/)[1];
    for (;;) {
      const { recipients } = await record(server, id);
      if (recipients[0].attempts > 0) {
        assert.equal(recipients[0].state, 'queued');
        assert.match(recipients[0].detail, /TLS: .*certificate/);
        break;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(mails.length, 0);
  } finally {
    await server.stop();
  }
});

test('a server that says later is asked again', { timeout: 30_000 }, async () => {
  const { server, client } = await trunkline(smtp(), PASSWORD);
  try {
    const { id, status } = await send(client, message(['later@example.com', 'ann@example.com']));
    assert.equal(status, 'Succeeded');
    const { recipients } = await record(server, id);
    assert.equal(recipients[0].state, 'queued');
    assert.match(recipients[0].detail, /^451 /);
    assert.ok(Date.parse(recipients[0].next_attempt_at));
    assert.equal(recipients[1].state, 'delivered');
  } finally {
    await server.stop();
  }
});
