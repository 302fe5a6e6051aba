// The people on the other side: virtual phones and mailboxes.
"use strict";
const { inspect } = require("node:util");
const { ArgumentError } = require("../errors.cjs");
const { CODE, LINK, checkedWithin, complaint, listing, matcher, patternOf, taken } = require("./match.cjs");

/** Outcomes of mail that the sandbox caught and that its recipient has not seen: it is on its way, or lost. */
const ELSEWHERE = new Set(["sent", "bounced", "failed", "quarantined", "suppressed"]);
const time = (date) => date.toISOString().slice(11, -1);

/** What both have: things that come, and waiting for them. */
class Inbox {
  #taken = new Set();
  constructor(world) { this.world = world; }

  /** The first of what came that fits and that no earlier wait has returned. */
  async _take(what, also, within) {
    const { fits, words } = matcher("what", what, this._textOf);
    const found = await this.world._until(async () => {
      for (const item of await this._came()) {
        const key = this._keyOf(item);
        if (this.#taken.has(key) || !also(item) || !fits(item)) continue;
        this.#taken.add(key);
        return item;
      }
      return undefined;
    }, checkedWithin(within));
    if (found !== undefined) return found;
    const came = await this._came();
    const lines = came.map((item) => this._lineOf(item) + (this.#taken.has(this._keyOf(item)) ? "  (an earlier wait took it)" : ""));
    const lost = await this._lost();
    throw complaint(
      [
        `${this._name} got nothing new within ${checkedWithin(within)} ms of the clock; wanted ${words}`,
        ...(lines.length > 0 ? ["it got:", ...listing(lines)] : ["it got nothing at all"]),
        ...(lost.length > 0 ? ["sent to it and not delivered:", ...listing(lost)] : []),
      ].join("\n"),
      came.map(this._textOf),
      typeof what === "string" ? [what] : words,
      "waitFor",
    );
  }
  async _find(standard, pattern, also, within) {
    const wanted = patternOf(pattern, standard);
    return taken(wanted, this._textOf(await this._take(wanted, also, within)));
  }
}

class Phone extends Inbox {
  constructor(world, number) {
    if (typeof number !== "string") throw new ArgumentError("number", "expected a string");
    super(world);
    this.number = number;
  }
  get _name() { return `the phone ${this.number}`; }
  _textOf(message) { return message.text; }
  _keyOf(message) { return `${message.messageId} ${message.at.getTime()}`; }
  _lineOf(message) { return `${time(message.at)}  from ${message.from}  ${inspect(message.text)}`; }
  async _came() { return (await this.messages()).filter((message) => !message.outbound); }
  async _lost() {
    const { items } = await this.world.sms.list();
    return items
      .filter((record) => record.to === this.number && record.state !== "delivered")
      .map((record) => [inspect(record.message), record.state, record.reason === "none" ? "" : record.reason, record.provider ? `by ${record.provider}` : ""].filter(Boolean).join("  "));
  }

  messages() { return this.world.sandbox.messages(this.number); }
  async texts() {
    await this.world.settle();
    return (await this._came()).map((message) => message.text);
  }
  waitFor(what, { from, within } = {}) { return this._take(what, (message) => from === undefined || message.from === from, within); }
  waitCode({ pattern, from, within } = {}) { return this._find(CODE, pattern, (message) => from === undefined || message.from === from, within); }
  async send(text, to) {
    const id = await this.world.sandbox.sendFromPhone(this.number, to ?? (await this.world.number()), text);
    await this.world.settle();
    return id;
  }
  replyWith(text, { times = 0 } = {}) { return this.world.sandbox.addRule({ match: this.number, reply: text, times }); }
  [inspect.custom]() { return `Phone { number: ${inspect(this.number)} }`; }
}

class Mailbox extends Inbox {
  #whole = new Map();
  constructor(world, address) {
    if (typeof address !== "string") throw new ArgumentError("address", "expected a string");
    super(world);
    this.address = address;
  }
  get _name() { return `the mailbox ${this.address}`; }
  _textOf(mail) { return [mail.subject, mail.plainText, mail.html].filter(Boolean).join("\n"); }
  _keyOf(mail) { return mail.mailId; }
  _lineOf(mail) { return `${time(mail.at)}  from ${mail.from}  ${inspect(mail.subject)}`; }
  /** With their parts, which lists leave out. */
  async _came() {
    const listed = await this.world.sandboxMail.mails(this.address);
    for (const { mailId } of listed) if (!this.#whole.has(mailId)) this.#whole.set(mailId, await this.world.sandboxMail.mail(mailId));
    const arrived = listed.filter((mail) => !ELSEWHERE.has(mail.outcomes[this.address.toLowerCase()]));
    return arrived.map(({ mailId }) => this.#whole.get(mailId));
  }
  async _lost() {
    const { items } = await this.world.email.list();
    return items.flatMap((operation) => operation.recipients
      .filter((recipient) => recipient.address.toLowerCase() === this.address.toLowerCase() && recipient.state !== "delivered")
      .map((recipient) => `${operation.operationId}  ${recipient.state}`));
  }

  async mails() {
    await this.world.settle();
    return this._came();
  }
  async subjects() { return (await this.mails()).map((mail) => mail.subject); }
  waitFor(what, { subject, within } = {}) { return this._take(what, (mail) => subject === undefined || mail.subject.includes(subject), within); }
  waitCode({ pattern, subject, within } = {}) { return this._find(CODE, pattern, (mail) => subject === undefined || mail.subject.includes(subject), within); }
  waitLink({ pattern, subject, within } = {}) { return this._find(LINK, pattern, (mail) => subject === undefined || mail.subject.includes(subject), within); }
  async send({ to, subject, text }) {
    const header = (value) => String(value).replace(/[\r\n]+/g, " ");
    const mime = [`From: ${header(this.address)}`, `To: ${header(to)}`, `Subject: ${header(subject)}`, "MIME-Version: 1.0", 'Content-Type: text/plain; charset="utf-8"',
      "Content-Transfer-Encoding: 8bit", "", text].join("\r\n");
    const id = await this.world.sandboxMail.receive(this.address, [to], new TextEncoder().encode(mime));
    await this.world.settle();
    return id;
  }
  [inspect.custom]() { return `Mailbox { address: ${inspect(this.address)} }`; }
}

module.exports = { Phone, Mailbox };
