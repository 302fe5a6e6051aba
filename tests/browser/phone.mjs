// Runs in the browser: a page that calls and is called, as plain as it gets. Tests call it through `window.phone`.
const base = (path) => new URL(path, window.endpoint);
const ask = (method, path, options = {}) =>
  fetch(base(path), { method, ...options, headers: { authorization: `Bearer ${window.token}`, ...options.headers } });

const phone = {
  calls: [],
  /** Sets up sound; `where` is an address below that of the provider. Resolves with the status, and the number of the call. */
  async connect(where, { listen = false, codecs, relayed = false, only } = {}) {
    const { iceServers } = relayed ? await (await ask('GET', `${window.endpoint}/ice-servers`)).json() : {};
    const peer = new RTCPeerConnection(relayed ? { iceServers, iceTransportPolicy: 'relay' } : {});
    const call = { peer, states: [], connection: [] };
    if (listen) {
      peer.addTransceiver('audio', { direction: 'recvonly' });
    } else {
      // As it is: a tone is noise to what browsers do to voices.
      const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
      call.sender = peer.addTrack(stream.getAudioTracks()[0], stream);
    }
    if (codecs) {
      const known = RTCRtpReceiver.getCapabilities('audio').codecs;
      peer.getTransceivers()[0].setCodecPreferences(known.filter(({ mimeType }) => codecs.includes(mimeType)));
    }
    peer.onconnectionstatechange = () => call.connection.push(peer.connectionState);
    peer.ontrack = ({ track }) => {
      const stream = new MediaStream([track]);
      call.speaker = new Audio();
      call.speaker.srcObject = stream;
      call.speaker.play();
      call.context = new AudioContext();
      call.analyser = call.context.createAnalyser();
      call.analyser.fftSize = 8192;
      call.context.createMediaStreamSource(stream).connect(call.analyser);
    };
    await peer.setLocalDescription();
    const answer = await ask('POST', where, { body: peer.localDescription.sdp, headers: { 'content-type': 'application/sdp' } });
    if (answer.status !== 201) return { status: answer.status, body: await answer.text() };
    call.session = answer.headers.get('location');
    call.tag = answer.headers.get('etag');
    call.link = answer.headers.get('link');
    const sdp = await answer.text();
    // As if the others could not be reached.
    const lines = sdp.split('\r\n').filter((line) => !only || !line.startsWith('a=candidate:') || new RegExp(only).test(line));
    await peer.setRemoteDescription({ type: 'answer', sdp: lines.join('\r\n') });
    phone.watch(call);
    return { status: 201, call: phone.calls.push(call) - 1 };
  },
  /** Notes every state of the call. */
  async watch(call) {
    for (let state = ''; state !== 'ended';) {
      const answer = await ask('GET', `${call.session}/state?after=${state}`);
      if (!answer.ok) return;
      const now = await answer.json();
      if (now.state !== state) call.states.push(now);
      state = now.state;
    }
  },
  states: (call) => phone.calls[call].states.map(({ state }) => state),
  last: (call) => phone.calls[call].states.at(-1),
  link: (call) => phone.calls[call].link,
  /** How the sound goes: our candidate, and the server's; null until a way is chosen. */
  async way(call) {
    const stats = [...(await phone.calls[call].peer.getStats()).values()];
    const { selectedCandidatePairId } = stats.find(({ type }) => type === 'transport');
    const pair = stats.find(({ id }) => id === selectedCandidatePairId);
    if (!pair) return null;
    const [ours, theirs] = [pair.localCandidateId, pair.remoteCandidateId].map((id) => stats.find((one) => one.id === id));
    return { type: ours.candidateType, protocol: ours.protocol, address: theirs.address, port: theirs.port };
  },
  connection: (call) => phone.calls[call].connection,
  /** The frequency that is loudest now, in Hz; 0: nothing is heard. */
  hears(call) {
    const { analyser, context } = phone.calls[call];
    if (!analyser) return 0;
    const levels = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(levels);
    const at = levels.reduce((best, level, i) => (level > levels[best] ? i : best), 1);
    return levels[at] > -60 ? (at * context.sampleRate) / analyser.fftSize : 0;
  },
  press: (call, digits) => phone.calls[call].sender.dtmf.insertDTMF(digits, 100, 80),
  leave: (call) => ask('DELETE', phone.calls[call].session).then(({ status }) => status),
  patch: (call, body, tag) => ask('PATCH', phone.calls[call].session, { body, headers: { 'content-type': 'application/trickle-ice-sdpfrag', 'if-match': tag ?? phone.calls[call].tag } }).then(({ status }) => status),
  status: (method, path) => ask(method, path).then(({ status }) => status, () => 'refused'),
  /** The calls that ring here; waits until they are others than those of the revision. */
  ringing: (revision = '') => ask('GET', `${window.endpoint}/calls?after=${revision}`).then((answer) => answer.json()),
  decline: (id) => ask('DELETE', `${window.endpoint}/calls/${id}`).then(({ status }) => status),
};
window.phone = phone;
