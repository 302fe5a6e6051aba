#include "runtime/calls/schema.h"

namespace trunkline::calls {
namespace {

constexpr store::Migration kSteps[] = {
    {80, "open calls", R"sql(
-- Only what is needed to tell an application that its call is over; everything else of a call is memory.
CREATE TABLE open_calls (
  resource_key   BIGINT NOT NULL,
  connection_id  TEXT NOT NULL,
  server_call_id TEXT NOT NULL,
  correlation_id TEXT NOT NULL,
  callback_uri   TEXT NOT NULL,
  context        TEXT NOT NULL,
  PRIMARY KEY (resource_key, connection_id)
) WITHOUT ROWID;
-- Finished recordings, whole files.
CREATE TABLE call_recordings (
  resource_key BIGINT NOT NULL,
  document_id  TEXT NOT NULL,
  recording_id TEXT NOT NULL,
  created_us   BIGINT NOT NULL,
  metadata     TEXT NOT NULL,
  content      BLOB NOT NULL,
  PRIMARY KEY (resource_key, document_id)
);
CREATE INDEX call_recordings_by_time ON call_recordings (resource_key, created_us);
)sql"},
};

}  // namespace

std::span<const store::Migration> call_migrations() { return kSteps; }

}  // namespace trunkline::calls
