// A room of Janus AudioBridge with participants over plain RTP; prints "percent-of-core frames-back late-ticks".
//
//   node janus_room.mjs http://127.0.0.1:port/janus PID bench_rtp_load participants talkers seconds pcmu|opus rate
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import readline from 'node:readline';

const [base, pid, load, participants, talkers, seconds, codec, rate] = process.argv.slice(2);
const TICKS = 100;  // of /proc, a second
const type = codec === 'opus' ? 100 : 0;
const post = async (path, body) => (await fetch(base + path, { method: 'POST', body: JSON.stringify({ transaction: Math.random().toString(36).slice(2), ...body }) })).json();
const used = () => {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
};
const wait = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

const session = (await post('', { janus: 'create' })).data.id;
const attach = async () => (await post(`/${session}`, { janus: 'attach', plugin: 'janus.plugin.audiobridge' })).data.id;
const admin = await attach();
const room = 4242;
const made = await post(`/${session}/${admin}`, { janus: 'message', body: { request: 'create', room, sampling_rate: Number(rate), allow_rtp_participants: true, audiolevel_event: false, is_private: true } });
if (made.plugindata?.data?.audiobridge !== 'created') throw new Error(JSON.stringify(made));
const joined = new Map();
let polling = true;
const poll = async () => {
  while (polling)
    for (const event of [await fetch(`${base}/${session}?maxev=50`).then((answer) => answer.json()).catch(() => [])].flat()) {
      const data = event.plugindata?.data;
      if (data?.audiobridge === 'joined' && data.rtp) joined.set(event.sender, data.rtp.port);
    }
};
poll();
const people = spawn(load, [participants, talkers, String(Number(seconds) + 1.5), codec], { stdio: ['pipe', 'pipe', 'inherit'] });
const lines = readline.createInterface({ input: people.stdout })[Symbol.asyncIterator]();
const handles = [];
for (let i = 0; i < Number(participants); i += 1) {
  const port = Number((await lines.next()).value);
  const handle = await attach();
  handles.push(handle);
  await post(`/${session}/${handle}`, { janus: 'message', body: { request: 'join', room, display: `p${i}`, codec, rtp: { ip: '127.0.0.1', port, payload_type: type } } });
}
for (let i = 0; i < 200 && joined.size < Number(participants); i += 1) await wait(50);
if (joined.size < Number(participants)) throw new Error(`${joined.size} of ${participants} have joined`);
people.stdin.end(handles.map((handle) => `${joined.get(handle)} ${type}\n`).join(''));
await wait(1500);
const [cpu, begun] = [used(), performance.now()];
await wait((Number(seconds) - 0.5) * 1000);
const core = ((used() - cpu) / ((performance.now() - begun) / 1000)) * 100;
const [sent, got, late] = (await lines.next()).value.split(' ').map(Number);
console.log(core.toFixed(2), (got / sent).toFixed(4), late);
polling = false;
await post(`/${session}/${admin}`, { janus: 'message', body: { request: 'destroy', room } });
process.exit(0);
