// Two people talk, in the process.
import { skip } from "./support/real.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";
import { Runtime } from "trunkline";

const config = {
  runtime: { clock: "virtual" },
  log: { level: "off" },
  providers: [{ name: "id", plugin: "identity-local" }, { name: "chat", plugin: "chat-local" }],
  resources: [{ name: "demo" }],
};

test("two people talk, and one of them listens", { skip }, async () => {
  await using_(async (rt) => {
    const [alice, bob] = await Promise.all([0, 1].map(async () => (await rt.identity.createUser()).user.id));
    const { thread } = await rt.chat.createThread({ asUser: alice, topic: "lunch", participants: [{ id: bob }] });
    const events = rt.chat.listen(bob, 0n);
    const sent = await rt.chat.send({ asUser: alice, threadId: thread.id, content: "hungry?" });
    const created = (await events.next()).value;
    assert.equal(created.change.kind, "threadCreated");
    assert.equal(created.change.value.thread.topic, "lunch");
    const received = (await events.next()).value;
    assert.deepEqual(received.change, { kind: "messageReceived", value: { message: sent } });
    await events.return();
    for (let i = 0; i < 6; i++) await rt.chat.send({ asUser: bob, threadId: thread.id, content: String(i) });
    const texts = [];
    for await (const message of rt.chat.messages(alice, thread.id, { pageSize: 3 })) if (message.content) texts.push(message.content);
    assert.deepEqual(texts, ["5", "4", "3", "2", "1", "0", "hungry?"]);
    await assert.rejects(rt.chat.getMessage(alice, thread.id, "1000000000000"), { code: "notFound" });
    assert.equal(sent.threadId, thread.id);
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
