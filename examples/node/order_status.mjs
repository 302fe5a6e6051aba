// A phone texts STATUS; a workflow looks the order up, answers, and tells the team when that fails. Then it is run again.
import http from "node:http";
import { Runtime } from "trunkline";

const [NUMBER, PHONE] = ["+14255550100", "+14255550123"];

// The service that knows the orders, when it is not down.
let down = false;
const orders = http.createServer((request, response) => {
  response.writeHead(down ? 503 : 200, { "content-type": "application/json" });
  response.end('{"id": 4711, "status": "on its way"}');
});
await new Promise((resolve) => orders.listen(0, "127.0.0.1", resolve));

const rt = await Runtime.open({
  runtime: { clock: "virtual" },
  log: { level: "warning" },
  providers: [{ name: "phones", plugin: "sms-sandbox" }, { name: "mail", plugin: "email-sandbox", config: { smtp_port: 0 } }],
  resources: [{
    name: "demo",
    numbers: [{ number: NUMBER, type: "geographic", sms: "both" }],
    email_domains: [{ domain: "sandbox.trunkline.test", senders: [{ username: "DoNotReply" }] }],
  }],
});

async function lastRun() {
  await rt.settle();
  await rt.clock.advance(60_000); // retries wait; this clock only moves when it is told to
  for await (const run of rt.workflows.allRuns("order-status")) return rt.workflows.show("order-status", run.name);
}
function print(title, { run, steps }) {
  console.log(`${title}: ${run.status}`);
  for (const step of steps) {
    console.log(`  ${step.status.padEnd(9)} ${step.name} ${step.code ?? ""}`);
    for (const retry of step.retries) console.log(`            tried before: ${retry.code}`);
  }
}

try {
  const file = new URL("../workflows/order-status.json", import.meta.url);
  await rt.workflows.deployFile(file, { parameters: { ordersUrl: `http://127.0.0.1:${orders.address().port}` } });
  await rt.settle();

  await rt.sandbox.sendFromPhone(PHONE, NUMBER, "Status");
  print("answered", await lastRun());

  down = true;
  await rt.sandbox.sendFromPhone(PHONE, NUMBER, "STATUS");
  const failed = await lastRun();
  print("down", failed);

  down = false;
  await rt.workflows.rerun("order-status", failed.run.name, "Look_up_the_order");
  print("again", await lastRun());

  for (const message of await rt.sandbox.messages(PHONE)) console.log(message.outbound ? "phone sent:" : "phone got: ", message.text);
} finally {
  await rt.close();
  orders.close();
}
