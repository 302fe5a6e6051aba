// What the application of the tests of calls is told: events of Event Grid and callbacks of calls. It also serves a prompt.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { json as readJson } from 'node:stream/consumers';
import { toneFile } from './sound.mjs';

export async function startApplication(server, promptHz) {
  const heard = [];
  const waiting = new Set();
  const http = createServer(async (request, response) => {
    if (request.method === 'GET') return response.end(toneFile(promptHz, 10));
    const events = await readJson(request);
    if (events[0].data?.validationCode) return response.end(JSON.stringify({ validationResponse: events[0].data.validationCode }));
    for (const event of events) heard.push({ type: (event.eventType ?? event.type).replace('Microsoft.Communication.', ''), ...event.data });
    response.end('');
    for (const look of waiting) look();
  });
  await new Promise((resolve) => { http.listen(0, '127.0.0.1', resolve); });
  const url = `http://127.0.0.1:${http.address().port}/`;
  const token = new URLSearchParams(new URL(server.ready.console).hash.slice(1)).get('token');
  const made = await fetch(new URL('/_control/event-subscriptions/calls', server.ready.endpoint), {
    method: 'PUT', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ endpoint: url, types: ['IncomingCall', 'RecordingFileStatusUpdated', 'CallEnded'] }),
  });
  assert.ok(made.ok, await made.text());
  return {
    url,
    /** The first event of this type that fits, once it is there. */
    told: (type, fits = () => true) => new Promise((resolve, reject) => {
      let timer;
      const look = () => {
        const found = heard.find((event) => event.type === type && fits(event));
        if (!found) return;
        clearTimeout(timer);
        waiting.delete(look);
        resolve(found);
      };
      timer = setTimeout(() => {
        waiting.delete(look);
        reject(new Error(`no ${type} within 20 s; heard ${heard.map((event) => event.type).join(', ')}`));
      }, 20_000);
      waiting.add(look);
      look();
    }),
    stop() { http.closeAllConnections(); http.close(); },
  };
}
