// Runs in the browser: a page with JsSIP, as anybody would use it. Tests call it through `window.phone`.
import JsSIP from 'jssip';

const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };  // a tone is noise to what browsers do to voices
// The last one is for calls that come in: the offer is ours to make then.
const options = { mediaConstraints: { audio, video: false }, pcConfig: { iceServers: [] }, rtcOfferConstraints: { offerToReceiveAudio: true } };

const phone = {
  calls: [],
  events: [],
  /** `url`: of the socket, with the token. */
  start(url, uri) {
    phone.agent = new JsSIP.UA({ sockets: [new JsSIP.WebSocketInterface(url)], uri, register: false });
    for (const name of ['connected', 'disconnected', 'registered', 'unregistered', 'registrationFailed'])
      phone.agent.on(name, (event) => phone.events.push([name, event?.cause ?? ''].filter(Boolean).join(' ')));
    phone.agent.on('newRTCSession', ({ session, originator }) => phone.note(session, originator));
    phone.agent.start();
  },
  register: () => phone.agent.register(),
  unregister: () => phone.agent.unregister(),
  stop: () => phone.agent.stop(),
  note(session, originator) {
    const call = { session, events: [`${originator} call`], from: session.remote_identity.display_name || session.remote_identity.uri.user };
    phone.calls.push(call);
    for (const name of ['progress', 'accepted', 'confirmed', 'ended', 'failed'])
      session.on(name, (event) => call.events.push([name, event?.cause ?? ''].filter(Boolean).join(' ')));
    const listen = (peer) => {
      peer.addEventListener('track', ({ track }) => {
        call.speaker = new Audio();
        call.speaker.srcObject = new MediaStream([track]);
        call.speaker.play();
        call.context = new AudioContext();
        call.analyser = call.context.createAnalyser();
        call.analyser.fftSize = 8192;
        call.context.createMediaStreamSource(call.speaker.srcObject).connect(call.analyser);
      });
    };
    if (session.connection) listen(session.connection);
    else session.on('peerconnection', ({ peerconnection }) => listen(peerconnection));
  },
  call(target) {
    phone.agent.call(target, options);
    return phone.calls.length - 1;
  },
  answer: (call) => phone.calls[call].session.answer(options),
  hangUp: (call, status) => phone.calls[call].session.terminate(status ? { status_code: status } : undefined),
  /** Resolves once the other side has agreed. */
  hold: (call, on, options = {}) => new Promise((resolve, reject) => {
    const { session } = phone.calls[call];
    if (!session[on ? 'hold' : 'unhold'](options, resolve)) reject(new Error('not ready for another offer'));
  }),
  directions: (call) => phone.calls[call].session.connection.getTransceivers().map(({ currentDirection }) => currentDirection),
  press: (call, digits, transportType) => phone.calls[call].session.sendDTMF(digits, { transportType, interToneGap: 500 }),
  from: (call) => phone.calls[call]?.from,
  said: () => phone.events,
  heard: (call) => phone.calls[call]?.events ?? [],
  /** The frequency that is loudest now, in Hz; 0: nothing is heard. */
  hears(call) {
    const { analyser, context } = phone.calls[call];
    if (!analyser) return 0;
    const levels = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(levels);
    const at = levels.reduce((best, level, i) => (level > levels[best] ? i : best), 1);
    return levels[at] > -60 ? (at * context.sampleRate) / analyser.fftSize : 0;
  },
};
window.phone = phone;
