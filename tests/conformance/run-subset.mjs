// Starts our server, runs the services of expected.json against it, and counts the tests named there: those must pass. The
// others are listed as not yet covered, so that expected.json grows with the product and never shrinks.
//   node run-subset.mjs [--json FILE] [--verbose] [service ...]
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startServer, variables } from './server.mjs';

const root = path.dirname(fileURLToPath(import.meta.url));
const args = process.argv.slice(2);
const option = (name) => { const i = args.indexOf(name); return i < 0 ? undefined : args.splice(i, 2)[1]; };
const flag = (name) => { const i = args.indexOf(name); return i >= 0 && args.splice(i, 1).length === 1; };
const jsonFile = option('--json');
const verbose = flag('--verbose');
const expected = JSON.parse(fs.readFileSync(path.join(root, 'expected.json'), 'utf8'));
const services = Object.keys(expected).filter((service) => args.length === 0 || args.includes(service));
if (services.length === 0) {
  console.error(`unknown service: ${args.join(', ')}; expected.json has ${Object.keys(expected).join(', ')}`);
  process.exit(2);
}

// The usual pass signs over http and carries bearer tokens over https. Beside it: everything over https, and bearer tokens over http
// (as they come from behind a proxy that ends TLS). The names of the tests say so.
const passes = [
  { suffix: '', services },
  { suffix: ' (https)', services: services.filter((service) => ['identity', 'chat', 'arm'].includes(service)), change: (env) => ({ ...env, TRUNKLINE_ENDPOINT: env.TRUNKLINE_TLS_ENDPOINT, NODE_EXTRA_CA_CERTS: env.TRUNKLINE_CA_FILE }) },
  { suffix: ' (http)', services: services.filter((service) => ['chat', 'arm'].includes(service)), change: ({ TRUNKLINE_TLS_ENDPOINT, TRUNKLINE_ARM_ENDPOINT, ...env }) => env },
];

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'trunkline-conformance-'));
const resultFile = path.join(scratch, 'result.json');
let trouble;
try {
  const server = await startServer({ cwd: scratch });
  try {
    for (const pass of passes.filter((one) => one.services.length)) {
      const usual = { ...process.env, ...variables(server.ready) };
      const env = pass.change ? pass.change(usual) : usual;
      fs.rmSync(resultFile, { force: true });
      spawnSync(process.execPath, [path.join(root, 'run.mjs'), '--quiet', '--json', resultFile, ...pass.services], { env, stdio: ['ignore', 'inherit', 'inherit'] });
      pass.results = fs.existsSync(resultFile) ? JSON.parse(fs.readFileSync(resultFile, 'utf8')).services : [];
    }
  } finally {
    await server.stop();
  }
} catch (error) {
  trouble = error.message;
} finally {
  fs.rmSync(scratch, { recursive: true, force: true });
}

const counted = [];
for (const { suffix, service, results } of passes.flatMap((pass) => pass.services.map((service) => ({ ...pass, service })))) {
  const tests = new Map((results?.find((r) => r.service === service)?.tests ?? []).map((t) => [t.name, t]));
  const names = new Set(expected[service]);
  for (const name of names) {
    const test = tests.get(name);
    const ok = test?.ok === true && !test.skip;
    counted.push({ service: service + suffix, name, ok, message: ok ? undefined : test?.message ?? trouble ?? 'did not run' });
    if (!ok) console.log(`not ok  ${service}${suffix} › ${name}\n          ${counted.at(-1).message}`);
    else if (verbose) console.log(`ok      ${service}${suffix} › ${name}`);
  }
  const others = [...tests.values()].filter((t) => !names.has(t.name));
  const ready = others.filter((t) => t.ok && !t.skip);
  console.log(`${service}${suffix}: ${others.length - ready.length} tests not yet covered`);
  if (ready.length) console.log(`  these pass and belong in expected.json:\n${ready.map((t) => `    ${JSON.stringify(t.name)}`).join(',\n')}`);
  if (verbose) for (const t of others.filter((o) => !o.ok)) console.log(`  not yet: ${t.name}: ${t.message ?? ''}`);
}
if (trouble) console.log(trouble);
const passed = counted.filter((t) => t.ok).length;
if (jsonFile) fs.writeFileSync(jsonFile, JSON.stringify({ expected: counted }, null, 1));
console.log(`${passed} passed, ${counted.length - passed} failed`);
process.exitCode = passed === counted.length && passed > 0 ? 0 : 1;
