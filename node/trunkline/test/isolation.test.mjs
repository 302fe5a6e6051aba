// A provider in a process of its own, which is killed.
import { skip } from "./support/real.mjs";
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { Runtime } from "trunkline";

const OURS = "+14255550100", PHONE = "+14255550199";

/** The processes of plugins that this one has started and that have not ended. */
function pluginProcesses() {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).filter((name) => {
    try {
      const text = readFileSync(`/proc/${name}/stat`, "utf8");
      const [state, parent] = text.slice(text.lastIndexOf(")") + 2).split(" ");
      return text.includes("(trunkline-plug") && Number(parent) === process.pid && state !== "Z";
    } catch {
      return false;
    }
  }).map(Number);
}

const config = {
  runtime: { clock: "virtual", seed: 1 },
  log: { level: "off" },
  providers: [
    { name: "sim", plugin: "sms-sandbox", config: { latency_ms: 20 }, isolation: "process" },
    { name: "other", plugin: "sms-sandbox", config: { latency_ms: 20 } },
    { name: "local", plugin: "identity-local" },
  ],
  routes: [{ interface: "sms", providers: ["sim", "other"] }],
  resources: [{ name: "one", numbers: [{ number: OURS, type: "geographic", sms: "both" }] }],
};

test("isolation: process, and what becomes of a text when it is killed", { skip }, async () => {
  const rt = await Runtime.open(config);
  try {
    const [child] = pluginProcesses();
    const [first] = await rt.sms.send({ from: OURS, to: [PHONE], message: "one" });
    await rt.clock.advance(1000);
    assert.equal((await rt.sms.get(first.messageId)).provider, "sim");

    process.kill(child, "SIGKILL");
    const until = Date.now() + 20_000;
    while (pluginProcesses().length > 0 && Date.now() < until) await wait(10);
    const [second] = await rt.sms.send({ from: OURS, to: [PHONE], message: "two" });
    await rt.clock.advance(900);
    assert.equal((await rt.sms.get(second.messageId)).provider, "other");
    const { steps } = await rt.sms.explain(second.messageId);
    assert.match(steps.find((step) => step.rule === "provider.send").detail, /its process ended by signal 9 \(SIGKILL\)/);
  } finally {
    await rt.close();
  }
  assert.deepEqual(pluginProcesses(), []);
});
