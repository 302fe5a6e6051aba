// Checked with --strict: what an application written in TypeScript looks like.
import { CancelledError, evaluate, Runtime, SmsProvider as AcmeBase, TrunklineError, type Event, type EventHandler, type ProviderCall, type EventState, type SmsMessage, type SmsSendOutcome } from "trunkline";
import type { Credential, IdentityProvider } from "trunkline/identity";
import type { PlaySource } from "trunkline/media";
import { run, type Report } from "trunkline/conformance";
import { SmsProvider, type SmsSendRequest } from "trunkline/sms";

/** A provider in TypeScript. */
class Acme extends AcmeBase {
  async send(request: SmsSendRequest, call: ProviderCall) {
    call.signal.throwIfAborted();
    await this.host.smsEvents.deliveryReport({ messageId: request.recipients[0]!.messageId, state: "delivered", at: this.host.clock.now() });
    return request.recipients.map(({ messageId }) => ({ messageId, accepted: true }));
  }
  capabilities() {
    return { deliveryReports: true };
  }
}
async function provide(rt: Runtime): Promise<Report> {
  await rt.registerProvider("acme", new Acme(), { config: { a: 1 }, first: false });
  await rt.registerProvider("duck", { send: () => [] }, { interface: "sms" });
  // @ts-expect-error it is no provider
  await rt.registerProvider("text", "acme");
  return run(Acme, { only: "sms.*" });
}
void provide;

async function main(signal: AbortSignal): Promise<number> {
  const sum: number = evaluate("@add(1, variables('n'))", { variables: { n: 2 } });
  // @ts-expect-error variables are named
  evaluate("@1", { variables: sum });
  await using rt = await Runtime.open({ runtime: { clock: "virtual" } });
  const message: SmsMessage = { from: "+14255550100", to: ["+14255550123"], message: "hi", deliveryReport: true };
  const outcomes: SmsSendOutcome[] = await rt.sms.send(message, { signal, timeout: 1000, idempotencyKey: "k" });
  const id: string | undefined = outcomes[0]?.messageId;
  const repeated: boolean = outcomes[0]!.repeated;

  for await (const event of rt.events.subscribe({ types: ["x"], after: 0 }, { signal })) {
    const position: bigint = event.sequence;
    const data: unknown = event.data;
    if (position > 3n && data !== undefined) break;
  }
  for await (const delivery of rt.deliveries("x", { credits: 4 })) {
    const acknowledged: boolean = delivery.ack() || delivery.reject("no");
    if (acknowledged && delivery.attempt > 1) break;
  }
  await using handler: EventHandler = rt.onEvent("x", { types: ["t"], concurrency: 2 }, async (event, { id }) => [event.subject, id]);
  await handler.ready;
  const states: EventState[] = (await rt.eventHistory.explain("id")).map(({ state }) => state);
  for await (const event of rt.eventHistory.find({ types: ["x"], from: new Date(0), newestFirst: true })) void event.id;
  const lines: number = await rt.eventHistory.export("events.jsonl", { state: states[0] ?? "delivered", subscription: "x" }, { schema: "cloudEvents" });
  const published: string = await rt.topic("orders").publish({ type: "T", subject: "s", data: { lines } });
  // @ts-expect-error a subscription has a name
  await rt.eventSubscriptions.put({ webhook: `https://example.com/${published}` });
  const report: Event = await rt.waitFor("x", (event) => event.subject === id, { timeout: 10 });
  const now: Date = await rt.clock.advance(50);
  const { user, token } = await rt.identity.createUser(["chat", "a scope of tomorrow"], undefined, 3_600_000);
  const secret: string | undefined = token?.token;

  const sms: SmsProvider = rt.provider("sim", "sms");
  const parts: number = sms.capabilities().maxSegments;
  const identity: IdentityProvider = rt.provider("sim", "identity");
  const credential: Credential = { kind: "teams", value: { token: "t", appId: "a", userId: "u" } };
  const keys: Uint8Array[] = (await identity.signingKeys()).map((key) => key.publicKey);
  const source: PlaySource = { kind: "audio", value: { format: { codec: "opus", sampleRateHz: 48000, channels: 2, frameMs: 20 }, samples: new Uint8Array(4) } };
  for await (const frame of rt.provider("sim", "media").render(source, { codec: "pcm16", sampleRateHz: 8000, channels: 1, frameMs: 20 })) void frame.samples.length;
  await rt.resource("other").numbers.search({ type: "tollFree" });
  try {
    await identity.exchange({ resourceId: "11111111-2222-4333-8444-555555555555", credential, scopes: ["chat"] });
  } catch (error) {
    if (error instanceof CancelledError) {
      const code: "cancelled" = error.code;
      return code.length;
    }
    if (error instanceof TrunklineError && error.retryable) return error.retryAfterMs ?? 0;
  }
  // @ts-expect-error `to` is a list
  await rt.sms.send({ from: "+1", to: "+2", message: "x" });
  // @ts-expect-error there is no such interface
  rt.provider("sim", "fax");
  // @ts-expect-error runtimes are opened
  new Runtime();
  return keys.length + parts + now.getTime() + Number(repeated) + user.id.length + (secret?.length ?? 0) + report.dataVersion.length;
}
void main;
