// Mail in the process, caught by the sandbox.
import { skip } from "./support/real.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";
import { Runtime } from "trunkline";

const config = {
  runtime: { clock: "virtual" },
  log: { level: "off" },
  providers: [{ name: "mail", plugin: "email-sandbox", config: { smtp_port: 0 } }],
  resources: [{ name: "demo", email_domains: [{ domain: "mail.test", senders: [{ username: "support" }] }] }],
};
const mail = (more = {}) => ({ senderAddress: "support@mail.test", to: "ann@example.com", subject: "Grüße", plainText: "hello", ...more });

test("a mail is sent, caught and reported", { skip }, async () => {
  await using_(async (rt) => {
    const logo = { name: "logo.png", contentType: "image/png", content: Buffer.from("PNG"), contentId: "logo" };
    const { operationId, status } = await rt.email.send(mail({ to: ["ann@example.com", { address: "bob@example.com", displayName: "Bob" }], attachments: [logo], headers: { "X-Campaign": "spring" } }));
    assert.equal(status, "running");
    await rt.clock.advance(1000);
    const { recipients } = await rt.email.get(operationId);
    assert.deepEqual(recipients.map((r) => [r.address, r.state]), [["ann@example.com", "delivered"], ["bob@example.com", "delivered"]]);
    const [caught] = await rt.sandboxMail.mails("bob@example.com");
    const whole = await rt.sandboxMail.mail(caught.mailId);
    assert.equal(whole.plainText, "hello");
    assert.deepEqual(whole.files.map((f) => [f.name, f.contentId, f.sizeBytes]), [["logo.png", "logo", 3n]]);
    assert.match(Buffer.from(await rt.sandboxMail.rawMail(caught.mailId)).toString(), /^To: ann@example.com, Bob <bob@example.com>\r$/m);
    const ids = [];
    for await (const operation of rt.email.operations({ pageSize: 1 })) ids.push(operation.operationId);
    assert.deepEqual(ids, [operationId]);
  });
});

test("errors name the member; a bounce suppresses; mail comes in", { skip }, async () => {
  await using_(async (rt) => {
    await assert.rejects(rt.email.send(mail({ to: "a@" })), { code: "invalidArgument", target: "recipients.to[0].address" });
    await assert.rejects(rt.email.send(mail({ senderAddress: "a@elsewhere.test" })), { code: "notFound", target: "senderAddress" });
    await rt.sandboxMail.addRule({ match: "gone@*", outcome: "bounced" });
    await rt.email.send(mail({ to: "gone@example.com" }));
    await rt.clock.advance(1000);
    assert.deepEqual((await rt.email.suppressions()).map((s) => [s.address, s.reason]), [["gone@example.com", "hardBounce"]]);
    await rt.email.lift("gone@example.com");
    await rt.sandboxMail.receive("ann@example.com", ["support@mail.test"], Buffer.from("Subject: hi\r\n\r\nhello\r\n"));
    const { data } = await rt.waitFor("Trunkline.EmailReceived", { timeout: 10_000 });
    assert.equal(data.subject, "hi");
    assert.match(await rt.sandboxMail.smtpAddress(), /^127\.0\.0\.1:\d+$/);
  });
});

test("why it went so, who gets no mail, and a mail that came, whole", { skip }, async () => {
  await using_(async (rt) => {
    const operationId = "0d6e7a5c-0000-4000-8000-000000000001";
    await rt.email.send(mail({ operationId }));
    await rt.clock.advance(1000);
    assert.ok((await rt.email.explain(operationId)).steps.some((step) => step.rule === "provider.send" && step.outcome === "pass"));
    assert.equal((await rt.email.send(mail({ operationId }))).repeated, true);
    await assert.rejects(rt.email.send(mail({ operationId, subject: "another" })), { code: "alreadyExists" });
    await assert.rejects(rt.email.explain("0d6e7a5c-0000-4000-8000-000000000002"), { code: "notFound" });
    await rt.email.suppress("ann@example.com", undefined, "asked");
    assert.deepEqual((await rt.email.suppressions()).map((s) => [s.address, s.reason, s.detail]), [["ann@example.com", "manual", "asked"]]);
    const dropped = await rt.email.send(mail());
    await rt.settle();
    const { status, errorCode, recipients } = await rt.email.get(dropped.operationId);
    assert.deepEqual([status, errorCode, recipients[0].state], ["failed", "EmailDroppedAllRecipientsSuppressed", "suppressed"]);
    const mime = Buffer.from("Subject: hi\r\n\r\nhello\r\n");
    await rt.sandboxMail.receive("ann@example.com", ["support@mail.test"], mime);
    const { data } = await rt.waitFor("Trunkline.EmailReceived", { timeout: 10_000 });
    assert.deepEqual(Buffer.from((await rt.email.received(data.messageId)).mime), mime);
    assert.deepEqual((await rt.email.receivedMails()).map((one) => one.from), ["ann@example.com"]);
  });
});

async function using_(work) {
  const rt = await Runtime.open(config);
  try {
    await work(rt);
  } finally {
    await rt.close();
  }
}
