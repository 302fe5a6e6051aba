// Runs in the browser: the official chat client as an application would use it. The test calls these through `window.tour`.
import { ChatClient } from '@azure/communication-chat';
import { AzureCommunicationTokenCredential } from '@azure/communication-common';

const kinds = ['chatMessageReceived', 'chatMessageEdited', 'chatMessageDeleted', 'typingIndicatorReceived', 'readReceiptReceived', 'chatThreadCreated',
  'chatThreadDeleted', 'chatThreadPropertiesUpdated', 'participantsAdded', 'participantsRemoved'];
const seen = [];
let client;

window.tour = {
  seen,
  /** Connects and records everything that arrives, by name. */
  async start(endpoint, token) {
    client = new ChatClient(endpoint, new AzureCommunicationTokenCredential(token));
    for (const name of ['realTimeNotificationConnected', 'realTimeNotificationDisconnected']) client.on(name, () => seen.push({ name }));
    await client.startRealtimeNotifications();
    for (const name of kinds) client.on(name, (payload) => seen.push({ name, payload: JSON.parse(JSON.stringify(payload)) }));
  },
  stop: () => client.stopRealtimeNotifications(),
  /** The whole chat REST API passes CORS: sends a message from the page. */
  async send(threadId, content) {
    return (await client.getChatThreadClient(threadId).sendMessage({ content }, { senderDisplayName: 'Browser' })).id;
  },
  async list(threadId) {
    const out = [];
    for await (const message of client.getChatThreadClient(threadId).listMessages()) if (message.content?.message) out.push(message.content.message);
    return out;
  },

  /** The open stream over a WebSocket; the token travels as a subprotocol. Resolves once it has begun. */
  socket(endpoint, token, after = '') {
    const events = [];
    const url = `${endpoint.replace('http', 'ws')}_stream/chat${after && `?after=${after}`}`;
    const socket = new WebSocket(url, ['trunkline.chat.v1', `bearer.${token}`]);
    window.streams = { ...window.streams, socket: { events, close: () => socket.close(), state: () => socket.readyState } };
    socket.onclose = (event) => events.push({ closed: event.code });
    return new Promise((resolve, reject) => {
      socket.onmessage = ({ data }) => { events.push(JSON.parse(data)); resolve(socket.protocol); };
      socket.onerror = () => reject(new Error('the WebSocket failed'));
    });
  },
  /** The same as server-sent events. */
  events(endpoint, token) {
    const events = [];
    const source = new EventSource(`${endpoint}_stream/chat?access_token=${encodeURIComponent(token)}`);
    window.streams = { ...window.streams, events: { events, close: () => source.close() } };
    source.onmessage = ({ data, lastEventId }) => events.push({ ...JSON.parse(data), lastEventId });
    return new Promise((resolve, reject) => {
      source.addEventListener('begin', ({ data }) => { events.push(JSON.parse(data)); resolve(); });
      source.onerror = () => reject(new Error('the event stream failed'));
    });
  },
  streams: () => Object.fromEntries(Object.entries(window.streams ?? {}).map(([name, stream]) => [name, stream.events])),
};
