// Starts `trunkline dev` on free ports and says where it listens. The tests' own process owns it and ends it.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
export const program = process.env.TRUNKLINE_BIN || path.join(repository, 'build', 'release', 'bin', 'trunkline');

/** Resolves with what the server's ready line says, plus stop(). Rejects when it ends or says nothing within `limitMs`. */
export async function startServer({ args = [], limitMs = 20_000, cwd } = {}) {
  if (!fs.existsSync(program)) throw new Error(`${program} does not exist; run 'make build' first`);
  const child = spawn(program, ['dev', '--port', '0', '--json', ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let noise = '';
  child.stderr.on('data', (data) => { noise = (noise + data).slice(-4000); });
  const ended = new Promise((resolve) => { child.once('close', (code, signal) => resolve(signal ?? code)); });
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
      await ended;
      clearTimeout(timer);
    }
  };
  // A test process that ends in a hurry must not leave a server behind.
  process.once('exit', () => child.kill('SIGKILL'));
  try {
    const ready = await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no ready line within ${limitMs} ms: ${noise.trim()}`)), limitMs);
      const lines = createInterface({ input: child.stdout });
      lines.on('line', (line) => {
        if (!line.startsWith('{')) return;
        const value = JSON.parse(line);
        if (!value.endpoint) return;
        clearTimeout(timer);
        resolve(value);
      });
      child.once('error', reject);
      ended.then((how) => { clearTimeout(timer); reject(new Error(`trunkline dev ended with ${how}: ${noise.trim()}`)); });
    });
    return { ready, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The ready line as the variables that the suites read. */
export function variables(ready) {
  const named = {
    TRUNKLINE_ENDPOINT: ready.endpoint,
    TRUNKLINE_ACCESS_KEY: ready.access_key,
    TRUNKLINE_TLS_ENDPOINT: ready.tls_endpoint,
    TRUNKLINE_CA_FILE: ready.ca_file,
    TRUNKLINE_ARM_ENDPOINT: ready.arm_endpoint,
    TRUNKLINE_ARM_TOKEN: ready.arm_token,
    // The suite's default is a number of our development resource, so a call to it would ring here; this one is elsewhere.
    TRUNKLINE_SANDBOX_ANSWER_NUMBER: '+14255550111',
  };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value));
}
