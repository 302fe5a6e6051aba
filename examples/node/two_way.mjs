// A conversation: the phone answers, and writes first. Events are read with for await.
import { Runtime } from "trunkline";
import { config } from "./config.mjs";

const rt = await Runtime.open(config);
const events = rt.events.subscribe({ types: ["Microsoft.Communication.SMSReceived"] });
await events.ready;

await rt.sms.send({ from: "+14255550100", to: ["+14255550123"], message: "Your table is ready. Reply to keep it." });
await rt.clock.advance(1000);
await rt.sandbox.sendFromPhone("+14255550177", "+14255550100", "Are you open?");

let left = 2;
for await (const event of events) {
  console.log(`${event.data.from}: ${event.data.message}`);
  if (--left === 0) break; // closes the subscription
}
for (const phone of await rt.sandbox.phones()) {
  for (const { outbound, text } of await rt.sandbox.messages(phone.number)) console.log(phone.number, outbound ? "wrote" : "got", JSON.stringify(text));
}
await rt.close();
