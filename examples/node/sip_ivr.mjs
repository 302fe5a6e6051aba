// A voice menu on real SIP calls: SIPp plays the caller and a colleague, the official Call Automation client is the application.
// It answers, records, speaks a menu, takes a digit and connects the two; the recording then holds what both of them said.
// Needs `sipp` (Debian: sip-tester). The two phones speak in tones, so that a program can tell who is heard.
import { CallAutomationClient } from "@azure/communication-call-automation";
import { execFile, spawn } from "node:child_process";
import { createHash, createHmac } from "node:crypto";
import dgram from "node:dgram";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const [OURS, CALLER, COLLEAGUE] = ["+14255550100", "+14255550123", "+12065550150"];
const [CALLER_HZ, COLLEAGUE_HZ] = [650, 950];
const folder = mkdtempSync(join(tmpdir(), "sip-ivr-"));
const program = process.env.TRUNKLINE_BUILD_DIR ? join(process.env.TRUNKLINE_BUILD_DIR, "bin", "trunkline") : "trunkline";
const freePort = () =>
  new Promise((resolve) => {
    const socket = dgram.createSocket("udp4").bind(0, "127.0.0.1", () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });

// --- The phones ------------------------------------------------------------------------------------------------------------

/** Some seconds of a tone as a telephone sends it (G.711, µ-law), looped by SIPp. */
function voice(hz) {
  const bytes = Buffer.alloc(8000 * 4);
  for (let i = 0; i < bytes.length; ++i) {
    const sample = Math.round(6000 * Math.sin((2 * Math.PI * hz * i) / 8000));
    const magnitude = Math.min(Math.abs(sample) + 132, 32767);
    const exponent = Math.floor(Math.log2(magnitude)) - 7;
    bytes[i] = ~((sample < 0 ? 0x80 : 0) | (exponent << 4) | ((magnitude >> (exponent + 3)) & 15)) & 0xff;
  }
  writeFileSync(join(folder, `${hz}.ulaw`), bytes);
  return `<nop><action><exec rtp_stream="${hz}.ulaw,-1,0"/></action></nop>`;
}
const sdp = `v=0
o=phone 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio [rtpstream_audio_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
`;
const send = (first, headers, body = "", type = "application/sdp") =>
  `<send${first.startsWith("ACK") ? "" : ' retrans="500"'}><![CDATA[
${first}
${headers}
Contact: <sip:[local_ip]:[local_port]>
Max-Forwards: 70
${body ? `Content-Type: ${type}\n` : ""}Content-Length: [len]

${body}]]></send>`;
const said = "[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]";
const tagged = said.replace("[last_To:]", "[last_To:];tag=[call_number]");
const request = (method, number, body, type) =>
  send(
    `${method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0`,
    `Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From: <sip:${CALLER}@[local_ip]>;tag=caller
To: <sip:[service]@[remote_ip]>[peer_tag_param]
Call-ID: [call_id]
CSeq: ${number} ${method}`,
    body,
    type,
  );
const optional = (status) => `<recv response="${status}" optional="true"/>`;

function phone(name, port, steps, ...more) {
  const head = '<?xml version="1.0" encoding="ISO-8859-1"?>';
  writeFileSync(join(folder, `${name}.xml`), `${head}\n<scenario name="${name}">\n${steps.join("\n")}\n</scenario>`);
  const command = ["-sf", `${name}.xml`, "-i", "127.0.0.1", "-p", String(port), "-m", "1", "-nostdin", "-timeout", "50", ...more];
  return spawn("sipp", command, { cwd: folder, stdio: "ignore" });
}

const caller = (port, trunkline) =>
  phone("caller", port, [
    request("INVITE", 1, sdp), optional(100), optional(180), '<recv response="200"/>', request("ACK", 1),
    voice(CALLER_HZ),
    '<pause milliseconds="2500"/>', // it hears the menu
    request("INFO", 2, "Signal=1\nDuration=100\n", "application/dtmf-relay"), '<recv response="200"/>',
    '<pause milliseconds="4000"/>', // it talks with the colleague
    request("BYE", 3), '<recv response="200"/>',
  ], "-s", OURS, `127.0.0.1:${trunkline}`);

const colleague = (port) =>
  phone("colleague", port, [
    '<recv request="INVITE"/>', send("SIP/2.0 200 OK", tagged, sdp), '<recv request="ACK"/>', voice(COLLEAGUE_HZ),
    '<recv request="BYE"/>', send("SIP/2.0 200 OK", said).replace(' retrans="500"', ""),
  ]);

// --- The application -------------------------------------------------------------------------------------------------------

const [sipPort, callerPort, colleaguePort, rtp] = [await freePort(), await freePort(), await freePort(), 30000 + (process.pid % 500) * 20];
const trunk = (host, port) => ({ host, address: "127.0.0.1", port, dtmf: "info" });
writeFileSync(
  join(folder, "trunkline.yaml"),
  JSON.stringify({
    listen: { port: 0, tls: "off" },
    log: { level: "error" },
    control: { enabled: true },
    store: { mode: "memory" },
    providers: [{
      name: "carrier",
      plugin: "pstn-sip",
      config: {
        port: sipPort, rtp_port_first: rtp, rtp_port_last: rtp + 19, options_seconds: 0,
        trunks: [trunk("office.example.com", colleaguePort), trunk("carrier.example.com", callerPort)],
      },
    }],
    resources: [{ name: "demo", numbers: [{ number: OURS, calling: "both" }] }],
  }),
);
const server = spawn(program, ["serve", "--config", join(folder, "trunkline.yaml"), "--json"], { stdio: ["ignore", "pipe", "inherit"] });
const ready = await new Promise((resolve) => createInterface(server.stdout).once("line", (line) => resolve(JSON.parse(line))));
const client = new CallAutomationClient(ready.connection_string, { allowInsecureConnection: true });
process.once("exit", () => server.kill());
const cli = (...args) => promisify(execFile)(program, [...args, "--connection-string", ready.connection_string]);

let from;
let finished;
const recorded = new Promise((resolve) => (finished = resolve));
const on = {
  "Microsoft.EventGrid.SubscriptionValidationEvent": (data) => ({ validationResponse: data.validationCode }),
  async "Microsoft.Communication.IncomingCall"(data) {
    from = { phoneNumber: data.from.phoneNumber.value };
    console.log("a call from", from.phoneNumber);
    await client.answerCall(data.incomingCallContext, callbacks);
  },
  async "Microsoft.Communication.CallConnected"({ callConnectionId, serverCallId }) {
    await client.getCallRecording().start({ callLocator: { id: serverCallId, kind: "serverCallLocator" } });
    const playPrompt = { kind: "textSource", text: "For sales press 1" };
    const menu = { kind: "callMediaRecognizeDtmfOptions", maxTonesToCollect: 1, playPrompt };
    await client.getCallConnection(callConnectionId).getCallMedia().startRecognizing(from, menu);
  },
  async "Microsoft.Communication.RecognizeCompleted"({ callConnectionId, dtmfResult }) {
    console.log("pressed", ...dtmfResult.tones);
    const callerId = { sourceCallIdNumber: { phoneNumber: OURS } };
    await client.getCallConnection(callConnectionId).transferCallToParticipant({ phoneNumber: COLLEAGUE }, callerId);
  },
  "Microsoft.Communication.CallTransferAccepted": ({ transferTarget }) => console.log("connected with", transferTarget.rawId),
  "Microsoft.Communication.RecordingFileStatusUpdated": ({ recordingStorageInfo }) => finished(recordingStorageInfo.recordingChunks[0].documentId),
};
const application = http.createServer(async (message, response) => {
  let text = "";
  for await (const part of message) text += part;
  let answer = {};
  for (const event of JSON.parse(text)) answer = (await on[event.eventType ?? event.type]?.(event.data)) ?? answer;
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
});
await new Promise((resolve) => application.listen(0, "127.0.0.1", resolve));
const callbacks = `http://127.0.0.1:${application.address().port}/`;
await cli("subscription", "create", "ivr", callbacks, "--type", "IncomingCall", "--type", "RecordingFileStatusUpdated");
await cli("trunk", "set", "office.example.com");
await cli("trunk", "route", "office", "--pattern", "^\\+1206", "--to", "office.example.com");

const phones = [colleague(colleaguePort), caller(callerPort, sipPort)];
const documentId = await recorded;

// --- What was recorded -----------------------------------------------------------------------------------------------------

/** The client fetches files from Azure's own host only: here the request is signed by hand. */
async function download(path) {
  const { host } = new URL(ready.endpoint);
  const key = Buffer.from(/accesskey=([^;]+)/.exec(ready.connection_string)[1], "base64");
  const [date, hash] = [new Date().toUTCString(), createHash("sha256").update("").digest("base64")];
  const signature = createHmac("sha256", key).update(`GET\n${path}\n${date};${host};${hash}`).digest("base64");
  const Authorization = `HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=${signature}`;
  const answer = await fetch(ready.endpoint.replace(/\/$/, "") + path, { headers: { "x-ms-date": date, "x-ms-content-sha256": hash, Authorization } });
  return Buffer.from(await answer.arrayBuffer());
}
const file = await download(`/v1/objects/${documentId}/content/audio`);
const samples = new Int16Array(file.buffer.slice(file.byteOffset + 44, file.byteOffset + file.length));

/** Whether a tone is heard for a second or more; several may sound at once. */
function isHeard(hz) {
  const size = 1600; // 100 ms at 16 kHz
  let pieces = 0;
  for (let begin = 0; begin + size <= samples.length; begin += size) {
    let [real, imaginary] = [0, 0];
    for (let i = 0; i < size; ++i) {
      real += samples[begin + i] * Math.cos((2 * Math.PI * hz * i) / 16000);
      imaginary += samples[begin + i] * Math.sin((2 * Math.PI * hz * i) / 16000);
    }
    if (Math.hypot(real, imaginary) / size > 500) ++pieces;
  }
  return pieces >= 10;
}
for (const [who, hz] of [["the caller", CALLER_HZ], ["the colleague", COLLEAGUE_HZ], ["nobody else", 1350]])
  console.log(`the recording holds ${who}:`, isHeard(hz));

application.close();
application.closeAllConnections();
for (const one of phones) one.kill();
server.kill();
await new Promise((resolve) => server.once("exit", resolve));
rmSync(folder, { recursive: true });
