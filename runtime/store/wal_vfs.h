// The file of the write-ahead log, written in few large writes.
#pragma once

namespace trunkline::store {

/// Name of a SQLite VFS, the system's own but for one thing: what is written to a write-ahead log is gathered until the log is
/// synced, read or closed. SQLite writes a log in two small writes a page; a commit of fifty pages is one write through this one.
///
/// Only for connections with `PRAGMA synchronous = FULL`: there a commit is synced before other connections are told of it, so
/// nobody reads from the file what is not in it yet. Registered at the first call; throws when SQLite has no memory. [any-thread]
const char* gathering_vfs();

}  // namespace trunkline::store
