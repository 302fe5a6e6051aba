// A headless Chromium of the system that trusts the server's own authority, and a page on an origin of its own.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import esbuild from 'esbuild';
import { chromium } from 'playwright-core';

const here = path.dirname(fileURLToPath(import.meta.url));
const program = process.env.CHROMIUM_BIN ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((file) => fs.existsSync(file));

/** A module of this folder with what it imports, as a script. */
export async function bundled(file) {
  const { outputFiles } = await esbuild.build({
    entryPoints: [path.join(here, file)], bundle: true, write: false, format: 'iife', platform: 'browser', target: 'es2022', logLevel: 'error',
  });
  return outputFiles[0].text;
}

/** Bundles page.mjs for browsers, as any bundler would, and serves it. */
async function servePage() {
  const { outputFiles } = await esbuild.build({
    entryPoints: [path.join(here, 'page.mjs')], bundle: true, write: false, format: 'iife', platform: 'browser', target: 'es2022', logLevel: 'error',
  });
  const server = http.createServer((request, response) => {
    const script = request.url === '/page.js';
    response.writeHead(request.url === '/' || script ? 200 : 404, { 'content-type': script ? 'text/javascript' : 'text/html' });
    response.end(script ? outputFiles[0].contents : request.url === '/' ? '<!doctype html><title>chat</title><link rel="icon" href="data:,"><script src="/page.js"></script>' : '');
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return { server, url: `http://localhost:${server.address().port}/` };
}

/** The `javascript` blocks of a page of the documentation, as scripts that read `token` and `cursor` and speak to `endpoint`. */
export async function documentedScripts(page, endpoint) {
  const text = fs.readFileSync(path.join(here, '..', '..', page), 'utf8');
  const blocks = [...text.matchAll(/^```javascript\n(.*?)^```/gms)].map((match) => match[1]);
  return Promise.all(blocks.map(async (block) => {
    const lines = block.replaceAll('localhost:4643', new URL(endpoint).host).split('\n');
    const imports = lines.filter((line) => line.startsWith('import '));
    const rest = lines.filter((line) => !line.startsWith('import '));
    const contents = [...imports, 'let { token, cursor } = window.given;', '(async () => {', ...rest, '})();'].join('\n');
    const { outputFiles } = await esbuild.build({
      stdin: { contents, resolveDir: here }, bundle: true, write: false, format: 'iife', platform: 'browser', target: 'es2022', logLevel: 'error',
    });
    return outputFiles[0].text;
  }));
}

/** Arguments of a browser whose microphone says what is in the file, again and again, and that plays without being asked to. */
export const microphone = (file) => ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', `--use-file-for-fake-audio-capture=${file}`,
  '--autoplay-policy=no-user-gesture-required', '--allow-loopback-in-peer-connection'];

/** Opens the page. `caFile` goes into a certificate store that only this browser reads: nothing skips verification. */
export async function openBrowser(caFile, args = []) {
  if (!program) throw new Error('no Chromium: install the package `chromium`, or set CHROMIUM_BIN');
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'trunkline-browser-'));
  const store = path.join(home, '.pki', 'nssdb');
  fs.mkdirSync(store, { recursive: true });
  execFileSync('certutil', ['-d', `sql:${store}`, '-N', '--empty-password']);
  execFileSync('certutil', ['-d', `sql:${store}`, '-A', '-t', 'C,,', '-n', 'trunkline', '-i', caFile]);
  const page = await servePage();
  const browser = await chromium.launch({
    executablePath: program, chromiumSandbox: process.getuid() !== 0, args: ['--no-proxy-server', ...args], env: { ...process.env, HOME: home, XDG_CONFIG_HOME: home },
  });
  const close = async () => {
    await browser.close();
    page.server.closeAllConnections();
    page.server.close();
    fs.rmSync(home, { recursive: true, force: true, maxRetries: 3 });
  };
  return { browser, url: page.url, origin: new URL(page.url).origin, close };
}
