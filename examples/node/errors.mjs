// What goes wrong is typed, and says what is at fault.
import { NotFoundError, Runtime, TrunklineError } from "trunkline";
import { config } from "./config.mjs";

const rt = await Runtime.open(config);
const message = { from: "+14255550100", to: ["+14255550199"], message: "hi" };

await rt.sms.send({ ...message, to: ["+14255550199", 42] }).catch((error) => console.log(`${error.name}: ${error.message}`));
await rt.sms.get("no such message").catch((error) => console.log(error instanceof NotFoundError, error.code));

// Some recipients may be refused while others are accepted.
for (const outcome of await rt.sms.send({ ...message, to: ["+14255550199", "12"] })) console.log(outcome.to, outcome.httpStatus);

const controller = new AbortController();
const waiting = rt.waitFor("Never.Happens", { signal: controller.signal });
controller.abort();
await waiting.catch((error) => console.log(error.name));

const pending = rt.events.subscribe().next();
await rt.close();
await pending.catch((error) => console.log(error instanceof TrunklineError, error.code));
await rt.sms.send(message).catch((error) => console.log(error.code, "-", error.message));
