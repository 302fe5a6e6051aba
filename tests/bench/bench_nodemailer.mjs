// The same with nodemailer, pooled. usage: node bench_nodemailer.mjs FOLDER-WITH-NODEMAILER port mails connections bytes
import { createRequire } from 'node:module';

const [folder, ...numbers] = process.argv.slice(2);
const [port, total, connections, bytes] = numbers.map(Number);
const nodemailer = createRequire(`${folder}/`)('nodemailer');
const text = `${'x'.repeat(76)}\r\n`.repeat(Math.ceil(bytes / 78));
const transport = nodemailer.createTransport({ host: '127.0.0.1', port, secure: false, ignoreTLS: true, pool: true, maxConnections: connections, maxMessages: Infinity });
const send = () => transport.sendMail({ from: 'a@example.com', to: 'b@example.com', subject: 'test', text });
await send();
const start = process.hrtime.bigint();
const cpu = process.cpuUsage();
let left = total;
await Promise.all(Array.from({ length: connections * 2 }, async () => { while (left-- > 0) await send(); }));
const seconds = Number(process.hrtime.bigint() - start) / 1e9;
const used = process.cpuUsage(cpu);
console.log((total / seconds).toFixed(1), ((used.user + used.system) / total).toFixed(2));
transport.close();
