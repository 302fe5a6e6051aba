// Mail of a resource, with addresses as plain text where no name is shown.
"use strict";
const { EmailService } = require("../generated/service.cjs");

/** Addresses as the generated interface wants them. */
const mailboxes = (addresses) =>
  addresses === undefined ? [] : (Array.isArray(addresses) ? addresses : [addresses]).map((one) => (typeof one === "string" ? { address: one } : one));

/** Mail of one resource. */
class Email extends EmailService {
  /** `message` with its lists filled in. */
  send(message, options) {
    if (typeof message !== "object" || message === null) return super.send(message, options);
    const { to, cc, bcc, replyTo, attachments = [], ...rest } = message;
    return super.send({ ...rest, to: mailboxes(to), cc: mailboxes(cc), bcc: mailboxes(bcc), replyTo: mailboxes(replyTo), attachments }, options);
  }
  /** All sends, newest first. */
  async *operations({ pageSize = 100, ...options } = {}) {
    let continuation;
    do {
      const page = await this.list(pageSize, continuation, options);
      yield* page.items;
      continuation = page.continuation;
    } while (continuation !== undefined);
  }
}

module.exports = { Email };
