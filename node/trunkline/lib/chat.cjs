// The threads of a resource, with iterators over what comes in pages.
"use strict";
const { ChatService } = require("../generated/service.cjs");

async function* pages(read) {
  let cursor;
  do {
    const page = await read(cursor);
    yield* page.items;
    cursor = page.cursor;
  } while (cursor !== undefined);
}

/** Chat of one resource. */
class Chat extends ChatService {
  threads(asUser, { startTime, pageSize = 100, ...options } = {}) {
    return pages((cursor) => this.listThreads(asUser, pageSize, cursor, startTime, options));
  }
  messages(asUser, threadId, { startTime, pageSize = 100, ...options } = {}) {
    return pages((cursor) => this.listMessages(asUser, threadId, pageSize, cursor, startTime, options));
  }
  participants(asUser, threadId, { pageSize = 100, ...options } = {}) {
    return pages((cursor) => this.listParticipants(asUser, threadId, pageSize, cursor, options));
  }
  readReceipts(asUser, threadId, { pageSize = 100, ...options } = {}) {
    return pages((cursor) => this.listReadReceipts(asUser, threadId, pageSize, cursor, options));
  }
}

module.exports = { Chat };
