// A client over npm `smpp`, for the SMSC side of ours. Options as JSON in the first argument: port, system_id, password, tls, bind
// (false: none), mute (enquire_link is not answered), refuse_id (the receipt of this message is refused whenever it comes), status (of what is
// refused).
// Commands as lines of JSON on standard input: {"submit": {...}}, {"data": {...}}, {"part": {...}}, {"query": {...}},
// {"cancel": {...}}, {"unbind": true}; {"burst": [{...}]}, {"parts": [{...}]}: several in one write; {"refuse": n}: the next n deliver_sm are
// answered ESME_RX_T_APPN. A line of JSON for everything that happens.
import { createInterface } from 'node:readline';
import smpp from 'smpp';

const options = JSON.parse(process.argv[2] ?? '{}');
const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
let refusals = 0;
const scheme = options.tls ? 'ssmpp' : 'smpp';
const session = smpp.connect({ url: `${scheme}://127.0.0.1:${options.port}`, rejectUnauthorized: false }, () => {
  if (options.bind === false) return say({ event: 'connected' });
  session[options.bind ?? 'bind_transceiver']({ system_id: options.system_id, password: options.password, interface_version: 0x34 },
    (pdu) => say({ event: 'bound', status: pdu.command_status, system_id: pdu.system_id }));
});
session.on('deliver_sm', (pdu) => {
  const refused = refusals > 0 || (options.refuse_id !== undefined && pdu.receipted_message_id === options.refuse_id);
  refusals -= refusals > 0 ? 1 : 0;
  const message = pdu.short_message?.message ?? '';
  say({ event: 'deliver', from: pdu.source_addr, to: pdu.destination_addr, esm_class: pdu.esm_class, refused,
    text: Buffer.isBuffer(message) ? message.toString('latin1') : message, id: pdu.receipted_message_id, state: pdu.message_state });
  session.send(pdu.response(refused ? { command_status: options.status ?? smpp.ESME_RX_T_APPN } : {}));
});
session.on('enquire_link', (pdu) => {
  say({ event: 'asked' });
  if (!options.mute) session.send(pdu.response());
});
session.on('close', () => { say({ event: 'closed' }); process.exit(0); });
session.on('error', (error) => say({ event: 'error', message: String(error.message) }));
createInterface({ input: process.stdin }).on('line', (line) => {
  const command = JSON.parse(line);
  if (command.refuse) refusals = command.refuse;
  const submitted = (pdu) => say({ event: 'submitted', tag: command.tag, status: pdu.command_status, id: pdu.message_id });
  if (command.submit) session.submit_sm(command.submit, submitted);
  if (command.data) session.data_sm(command.data, submitted);
  session.socket.cork();
  for (const one of command.burst ?? []) session.submit_sm(one, submitted);
  for (const { udh, text, octets, ...rest } of command.parts ?? (command.part ? [command.part] : []))
    session.submit_sm({ ...rest, short_message: { udh: Buffer.from(udh, 'hex'), message: octets ? Buffer.from(octets, 'hex') : text } }, submitted);
  session.socket.uncork();
  if (command.query) session.query_sm(command.query, (pdu) => say({ event: 'queried', status: pdu.command_status, state: pdu.message_state }));
  if (command.cancel) session.cancel_sm(command.cancel, (pdu) => say({ event: 'cancelled', status: pdu.command_status }));
  if (command.enquire) session.enquire_link({}, (pdu) => say({ event: 'there', status: pdu.command_status }));
  if (command.raw) session.socket.write(Buffer.from(command.raw, 'hex'));
  if (command.unbind) session.unbind({}, (pdu) => say({ event: 'unbound', status: pdu.command_status }));
});
