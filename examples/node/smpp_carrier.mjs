// Two carriers, one fails: a simulated one, and one over SMPP, whose SMSC this program starts. Its receipts come late, twice and
// against each other; the record stays true. Then the phone says STOP.
import { EventEmitter, once } from "node:events";
import smpp from "smpp";
import { Runtime } from "trunkline";

const OURS = "14255550100";
const PHONE = "447700900123";
const news = new EventEmitter();

/** Takes every text, and says more about it than it should. */
const carrier = smpp.createServer((session) => {
  let texts = 0;
  session.on("bind_transceiver", (pdu) => session.send(pdu.response({ system_id: "carrier" })));
  session.on("enquire_link", (pdu) => session.send(pdu.response()));
  session.on("unbind", (pdu) => session.send(pdu.response()));
  session.on("submit_sm", async (pdu) => {
    const id = String(7001 + texts++);
    console.log("carrier got:", pdu.short_message.message);
    session.send(pdu.response({ message_id: id }));
    for (const stat of texts === 1 ? ["DELIVRD", "ACCEPTD", "DELIVRD", "UNDELIV"] : ["DELIVRD"]) {
      const short_message = `id:${id} sub:001 dlvrd:001 submit date:2601010000 done date:2601010000 stat:${stat} err:000 text:`;
      await new Promise((answered) =>
        session.deliver_sm({ source_addr: pdu.destination_addr, destination_addr: pdu.source_addr, esm_class: 4, short_message }, answered),
      );
    }
    news.emit("reported");
  });
  const stop = { source_addr: PHONE, source_addr_ton: 1, destination_addr: OURS, dest_addr_ton: 1, short_message: "Stop" };
  news.on("stop", () => session.deliver_sm(stop));
});
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
  resources: [{ name: "shop", numbers: [{ number: `+${OURS}`, sms: "both" }] }],
});
const send = async (message) => (await rt.sms.send({ from: `+${OURS}`, to: [`+${PHONE}`], message }))[0].messageId;

const explain = async (id, ...rules) => {
  console.log("why:");
  for (const { rule, outcome, value, detail } of (await rt.sms.explain(id)).steps)
    if (rules.includes(rule)) console.log(" ", [rule, outcome, value, detail].filter(Boolean).join(" "));
};

let reported = once(news, "reported");
const first = await send("Your parcel is here");
await reported;
const record = await rt.sms.get(first);
console.log(record.state, "by", record.provider);
for (const receipt of await rt.sms.receipts(first)) console.log(" ", receipt.state, "→", receipt.verdict);
await explain(first, "route.pick", "provider.send", "failover", "receipt");

// The confirmation goes to the phone, by the same carriers, and nothing after it.
reported = once(news, "reported");
news.emit("stop");
await reported;
const second = await send("Everything must go");
const blocked = await rt.sms.get(second);
console.log("after STOP:", blocked.state, blocked.reason);
await explain(second, "consent");
await rt.close();
carrier.close();
