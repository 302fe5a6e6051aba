// Promises per second of the Node.js package: calls of a provider that does nothing, 1000 in flight.
// node tests/bench/bench_node.mjs [BUILD_DIR]. Floors: what JavaScript needs to await a promise, and
// what Node-API needs to call a function.
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const build = path.resolve(process.argv[2] ?? process.env.TRUNKLINE_BUILD_DIR ?? path.join(root, "build/release"));
process.env.TRUNKLINE_BUILD_DIR = build;
const require = createRequire(import.meta.url);
const { Runtime } = require(path.join(root, "node/trunkline"));

const IN_FLIGHT = 1000, CALLS = 200_000, ROUNDS = 5;

/** Calls per second, the best of some rounds; `inFlight` loops await one call after the other. */
async function rate(call, { inFlight = IN_FLIGHT, calls = CALLS, rounds = ROUNDS } = {}) {
  let best = 0;
  for (let round = 0; round < rounds; ++round) {
    const start = process.hrtime.bigint();
    await Promise.all(Array.from({ length: inFlight }, async () => {
      for (let left = calls / inFlight; left > 0; --left) await call();
    }));
    best = Math.max(best, calls / (Number(process.hrtime.bigint() - start) / 1e9));
  }
  return best;
}

const name = process.env.TRUNKLINE_BENCH_PROVIDER ?? "noop";
const rt = await Runtime.open({
  log: { level: "off" },
  plugins: { paths: [path.join(build, "test_plugins")] },
  providers: [{ name, plugin: "test-noop" }],
  resources: [{ name: "bench" }],
});
const sms = rt.provider(name, "sms");
const request = { from: "+14255550100", recipients: [{ to: "+14255550123", messageId: "m1" }], text: "hello", deliveryReport: false };
const hundred = { ...request, recipients: Array.from({ length: 100 }, (_, i) => ({ to: `+142555501${String(i).padStart(2, "0")}`, messageId: `m${i}` })) };
const controller = new AbortController();

const print = (what, value, floor) => console.log(`${what.padEnd(44)} ${Math.round(value).toLocaleString("en").padStart(12)}/s   ${(value / floor).toFixed(3)} of the floor`);
const floor = await rate(() => Promise.resolve(1), { calls: 1_000_000 });
print("await of a resolved promise (floor)", floor, floor);
const send = await rate(() => sms.send(request));
print("send, 1 recipient, 1000 in flight", send, floor);
print("send, 1 recipient, one after the other", await rate(() => sms.send(request), { inFlight: 1, calls: 100_000, rounds: 3 }), floor);
print("send, 1 recipient, with a signal", await rate(() => sms.send(request, { signal: controller.signal })), floor);
print("recipients in calls of 100", 100 * (await rate(() => sms.send(hundred), { calls: 20_000, inFlight: 100, rounds: 3 })), floor);

/** Calls per second of something that does not wait. */
function syncRate(call, calls = 1_000_000) {
  const start = process.hrtime.bigint();
  for (let left = calls; left > 0; --left) call();
  return calls / (Number(process.hrtime.bigint() - start) / 1e9);
}
const addon = require(path.join(build, "node/trunkline.node"));
const bare = syncRate(() => addon.cancel(0));
print("a function of the addon (floor)", bare, bare);
print("@sync capabilities", syncRate(() => sms.capabilities()), bare);
await rt.close();

// A provider in JavaScript through its vtable: the conformance kit is the caller, so no JavaScript is but its own.
const { run: runKit } = require(path.join(root, "node/trunkline/lib/conformance.cjs"));
const results = (request) => request.recipients.map(({ messageId }) => ({ messageId, accepted: true, segments: 1, reason: "none", retryable: false }));
for (const [kind, carrier] of [["promises", { send: async (request) => results(request) }], ["plain functions", { send: results }]]) {
  let best = 0;
  for (let round = 0; round < 3; ++round) {
    const report = await runKit(() => ({ ...carrier }), { interface: "sms", only: "sms.load", quirks: { load: { calls: 100_000, in_flight: IN_FLIGHT } } });
    best = Math.max(best, report.results[0].figures.calls_per_s);
  }
  console.log(`${`a provider in JavaScript, ${kind}`.padEnd(44)} ${Math.round(best).toLocaleString("en").padStart(12)}/s   wanted > 50,000`);
}

const WANTED = 300_000;
if (send < WANTED) {
  console.error(`${Math.round(send)} promises/s, wanted ${WANTED}`);
  process.exitCode = 1;
}
