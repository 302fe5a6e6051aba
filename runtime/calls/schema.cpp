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
    {81, "recordings in files", R"sql(
-- What is being recorded. A process that ends without finishing it leaves the row and the file; the next one finishes them.
CREATE TABLE open_recordings (
  resource_key   BIGINT NOT NULL,
  recording_id   TEXT NOT NULL,
  document_id    TEXT NOT NULL,
  server_call_id TEXT NOT NULL,
  correlation_id TEXT NOT NULL,
  callback_uri   TEXT NOT NULL,
  started_us     BIGINT NOT NULL,
  mixed          BIGINT NOT NULL,
  channels       TEXT NOT NULL,
  PRIMARY KEY (resource_key, recording_id)
) WITHOUT ROWID;
-- Size of the file that is named after the document; -1: the sound is in the row, as it was before this step.
ALTER TABLE call_recordings ADD COLUMN bytes BIGINT NOT NULL DEFAULT -1;
)sql"},
};

}  // namespace

std::span<const store::Migration> call_migrations() { return kSteps; }

}  // namespace trunkline::calls
