// The management clients insist on https. They get an https URL and, through the public httpClient option, a transport that
// speaks http to the same address on this machine.
import { createDefaultHttpClient } from '@azure/core-rest-pipeline';

export function loopback(endpoint) {
  const inner = createDefaultHttpClient();
  const secure = endpoint.replace(/^http:/, 'https:');
  return {
    sendRequest(request) {
      if (request.url.startsWith(secure)) {
        request.url = endpoint + request.url.slice(secure.length);
        request.allowInsecureConnection = true;
      }
      return inner.sendRequest(request);
    },
  };
}
