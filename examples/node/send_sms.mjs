// Sends a text and waits for its delivery report. No server, no account: the carrier is simulated in this process.
import { Runtime } from "trunkline";
import { config } from "./config.mjs";

const rt = await Runtime.open(config);
try {
  const [outcome] = await rt.sms.send({ from: "+14255550100", to: ["+14255550199"], message: "Hello from Node.js", deliveryReport: true, tag: "first" });
  console.log("accepted:", outcome.successful, outcome.httpStatus);

  await rt.clock.advance(1000); // the carrier takes 50 ms
  const report = await rt.waitFor("Microsoft.Communication.SMSDeliveryReportReceived", (event) => event.data.messageId === outcome.messageId, { timeout: 5000 });
  console.log("report:", report.data.deliveryStatus, report.data.tag, report.data.receivedTimestamp);

  const record = await rt.sms.get(outcome.messageId);
  console.log("record:", record.state, "by", record.provider);
} finally {
  await rt.close();
}
