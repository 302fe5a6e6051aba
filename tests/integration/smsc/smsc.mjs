// A carrier over npm `smpp`. Options as JSON in the first argument:
//   password       what binds must know
//   receipts       after this many milliseconds each message is reported delivered (both forms); absent: never
//   throttle       the first so many submits are answered ESME_RTHROTTLED
//   refuse         the submit with this number is answered ESME_RINVDSTADR
//   silent_after   no answer from this submit on
//   hang_up_after  every connection ends without an answer at this submit, once
//   key, cert      files: TLS
// A line of JSON for everything that happens; commands as lines of JSON on standard input: {"deliver": {...}}, {"state": {...}}, {"sync": n},
// which is answered behind everything that happened before.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import smpp from 'smpp';

const options = JSON.parse(process.argv[2] ?? '{}');
const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
const sessions = new Set();
const states = new Map();
/** Receipts that nobody has answered yet, by message: as carriers do, they are kept for the next connection. */
const owed = new Map();
let submits = 0;
let hungUp = false;

function textOf(pdu) {
  const short = pdu.short_message;
  const whole = short && short.message && short.message.length ? short : pdu.message_payload;
  const message = whole?.message ?? whole ?? '';
  return { text: Buffer.isBuffer(message) ? message.toString('latin1') : message, udh: (whole?.udh ?? []).map((one) => one.toString('hex')) };
}

function deliverReceipt(id, pdu) {
  states.set(id, 2);
  owed.set(id, pdu);
  const session = [...sessions].find((one) => one.bound);
  if (session) report(session, id, pdu);
}

function report(session, id, pdu) {
  session.deliver_sm({
    source_addr: pdu.destination_addr,
    source_addr_ton: 1,
    source_addr_npi: 1,
    destination_addr: pdu.source_addr,
    destination_addr_ton: 1,
    destination_addr_npi: 1,
    esm_class: 4,
    short_message: `id:${id} sub:001 dlvrd:001 submit date:2601010000 done date:2601010000 stat:DELIVRD err:000 text:`,
    receipted_message_id: id,
    message_state: 2,
  }, (answer) => {
    owed.delete(id);
    say({ event: 'receipt_answered', id, status: answer.command_status });
  });
}

function onSubmit(session, pdu) {
  submits += 1;
  const { text, udh } = textOf(pdu);
  const id = submits.toString(16).padStart(8, '0');
  const seen = { event: 'submit', pdu: pdu.command, number: submits, id, from: pdu.source_addr, to: pdu.destination_addr, text, udh,
    data_coding: pdu.data_coding, registered: pdu.registered_delivery, reference: pdu.user_message_reference };
  if (options.hang_up_after === submits && !hungUp) {
    hungUp = true;
    say({ ...seen, answer: 'hang up' });
    for (const one of sessions) one.socket.destroy();
    return;
  }
  if (options.silent_after !== undefined && submits >= options.silent_after) {
    say({ ...seen, answer: 'silence' });
    return;
  }
  if (submits <= (options.throttle ?? 0)) {
    say({ ...seen, answer: 'throttled' });
    session.send(pdu.response({ command_status: smpp.ESME_RTHROTTLED }));
    return;
  }
  if (submits === options.refuse) {
    say({ ...seen, answer: 'refused' });
    session.send(pdu.response({ command_status: smpp.ESME_RINVDSTADR }));
    return;
  }
  states.set(id, 1);
  say({ ...seen, answer: 'taken' });
  session.send(pdu.response({ message_id: id }));
  if (options.receipts !== undefined && pdu.registered_delivery & 1) setTimeout(() => deliverReceipt(id, pdu), options.receipts);
}

function serve(session) {
  sessions.add(session);
  session.on('close', () => { sessions.delete(session); say({ event: 'closed' }); });
  session.on('error', (error) => say({ event: 'error', message: String(error.message) }));
  for (const bind of ['bind_transceiver', 'bind_transmitter', 'bind_receiver'])
    session.on(bind, (pdu) => {
      const known = options.password === undefined || pdu.password === options.password;
      say({ event: 'bind', kind: bind, system_id: pdu.system_id, accepted: known });
      session.send(pdu.response(known ? { system_id: 'npm-smpp' } : { command_status: smpp.ESME_RINVPASWD }));
      session.bound = known && bind !== 'bind_transmitter';
      if (session.bound) for (const [id, message] of owed) report(session, id, message);
    });
  for (const send of ['submit_sm', 'data_sm']) session.on(send, (pdu) => onSubmit(session, pdu));
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => { session.send(pdu.response()); session.close(); });
  session.on('cancel_sm', (pdu) => {
    say({ event: 'cancel', id: pdu.message_id, from: pdu.source_addr, to: pdu.destination_addr });
    session.send(pdu.response());
  });
  session.on('query_sm', (pdu) => {
    const state = states.get(pdu.message_id);
    say({ event: 'query', id: pdu.message_id, state });
    session.send(pdu.response(state ? { message_id: pdu.message_id, message_state: state, final_date: '', error_code: 0 }
      : { command_status: smpp.ESME_RQUERYFAIL }));
  });
}

const tls = options.key ? { key: readFileSync(options.key), cert: readFileSync(options.cert) } : {};
const server = smpp.createServer(tls, serve);
server.listen(options.port ?? 0, '127.0.0.1', () => say({ event: 'listening', port: server.address().port }));

createInterface({ input: process.stdin }).on('line', (line) => {
  const command = JSON.parse(line);
  const session = [...sessions].at(-1);
  if (command.sync) say({ event: 'synced', sync: command.sync });
  if (command.state) states.set(command.state.id, command.state.state);
  if (command.deliver) session.deliver_sm(command.deliver, (pdu) => say({ event: 'deliver_answered', status: pdu.command_status }));
}).on('close', () => process.exit(0));
