// Two carriers, one fails: what would happen, what did, and a recipient who says STOP.
import { Runtime } from "trunkline";

const rt = await Runtime.open({
  runtime: { clock: "virtual", seed: 1 },
  log: { level: "warning" },
  providers: [
    { name: "cheap", plugin: "sms-sandbox", config: { latency_ms: 20, rules: [{ match: "+44", refuse: "temporary" }] } },
    { name: "sure", plugin: "sms-sandbox", config: { latency_ms: 200 } },
  ],
  routes: [{ interface: "sms", providers: ["cheap", "sure"] }],
  resources: [{ name: "shop", numbers: [{ number: "+14255550100", sms: "both" }] }],
});
const message = { from: "+14255550100", to: ["+447700900123"], message: "Your parcel is here" };
const [plan] = await rt.sms.plan(message);
console.log("would go to", plan.provider);

const [{ messageId }] = await rt.sms.send(message);
await rt.clock.advance(1000);
const record = await rt.sms.get(messageId);
console.log(record.state, "by", record.provider);

await rt.sandbox.sendFromPhone("+447700900123", "+14255550100", "STOP");
await rt.clock.advance(1000);
const [{ optedOut }] = await rt.smsConsent.check("+14255550100", ["+447700900123"]);
console.log("opted out:", optedOut);
await rt.close();
