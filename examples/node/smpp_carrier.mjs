// Two carriers, one fails: a simulated one, and one over SMPP, whose SMSC this program starts. Its receipts come late, twice and
// against each other; the record stays true.
import { once } from "node:events";
import smpp from "smpp";
import { Runtime } from "trunkline";

/** Takes every text, and says more about it than it should. */
const carrier = smpp.createServer((session) => {
  session.on("bind_transceiver", (pdu) => session.send(pdu.response({ system_id: "carrier" })));
  session.on("enquire_link", (pdu) => session.send(pdu.response()));
  session.on("unbind", (pdu) => session.send(pdu.response()));
  session.on("submit_sm", async (pdu) => {
    console.log("carrier got:", pdu.short_message.message);
    session.send(pdu.response({ message_id: "7001" }));
    for (const stat of ["ACCEPTD", "DELIVRD", "DELIVRD", "UNDELIV"]) {
      const short_message = `id:7001 sub:001 dlvrd:001 submit date:2601010000 done date:2601010000 stat:${stat} err:000 text:`;
      await new Promise((answered) =>
        session.deliver_sm({ source_addr: pdu.destination_addr, destination_addr: pdu.source_addr, esm_class: 4, short_message }, answered),
      );
    }
    carrier.emit("told");
  });
});
const told = once(carrier, "told");
carrier.listen(0, "127.0.0.1");
await once(carrier, "listening");

const rt = await Runtime.open({
  log: { level: "off" },
  providers: [
    { name: "cheap", plugin: "sms-sandbox", config: { rules: [{ match: "+44", refuse: "temporary" }] } },
    {
      name: "carrier",
      plugin: "sms-smpp",
      config: { host: "127.0.0.1", port: carrier.address().port, system_id: "shop" },
      secrets: { password: { value: "secret" } },
    },
  ],
  routes: [{ interface: "sms", providers: ["cheap", "carrier"] }],
  resources: [{ name: "shop", numbers: [{ number: "+14255550100", sms: "both" }] }],
});

const [{ messageId }] = await rt.sms.send({ from: "+14255550100", to: ["+447700900123"], message: "Your parcel is here" });
await told;
const record = await rt.sms.get(messageId);
console.log(record.state, "by", record.provider);
for (const receipt of await rt.sms.receipts(messageId)) console.log(" ", receipt.state, "→", receipt.verdict);

console.log("why:");
for (const { rule, outcome, value, detail } of (await rt.sms.explain(messageId)).steps)
  if (["route.pick", "provider.send", "failover", "receipt"].includes(rule)) console.log(" ", rule, outcome, value, detail ?? "");
await rt.close();
carrier.close();
