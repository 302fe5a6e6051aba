// One simulated carrier, one number, and a clock that only moves when it is told to.
export const config = {
  runtime: { clock: "virtual", seed: 1 },
  log: { level: "warning" },
  providers: [
    { name: "sim", plugin: "sms-sandbox", config: { latency_ms: 50, rules: [{ match: "+14255550123", reply: "Got it!", times: 1 }] } },
    { name: "local-identity", plugin: "identity-local" },
  ],
  resources: [{ name: "demo", numbers: [{ number: "+14255550100", type: "geographic", sms: "both" }] }],
};
