// The same from CommonJS.
import trunkline = require("trunkline");
import service = require("trunkline/service");

async function main(): Promise<string> {
  const rt = await trunkline.Runtime.open("runtime: { clock: virtual }");
  try {
    const sms: service.SmsService = rt.sms;
    const page: service.SmsPage = await sms.list(10);
    return page.items.map((record) => record.messageId).join();
  } finally {
    await rt.close();
  }
}
void main;
