#include "runtime/calls/recording_files.h"

#include <algorithm>
#include <future>
#include <nlohmann/json.hpp>

#include "runtime/async/executor.h"
#include "runtime/base/time_text.h"
#include "runtime/calls/recording_reports.h"
#include "runtime/clock/clock.h"
#include "runtime/diagnostics/log.h"
#include "runtime/services/resource_service.h"

namespace trunkline::calls {
namespace {

using nlohmann::json;
using store::Row;
using store::Session;

const store::Statement kInsertOpen{
    "INSERT INTO open_recordings (resource_key, recording_id, document_id, server_call_id, correlation_id, callback_uri, "
    "started_us, mixed, channels) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"};
const store::Statement kUpdateOpen{"UPDATE open_recordings SET channels = ? WHERE resource_key = ? AND recording_id = ?"};
const store::Statement kDeleteOpen{"DELETE FROM open_recordings WHERE resource_key = ? AND recording_id = ?"};
const store::Statement kSelectOpen{
    "SELECT resource_key, recording_id, document_id, server_call_id, correlation_id, callback_uri, started_us, mixed, channels "
    "FROM open_recordings ORDER BY recording_id"};
const store::Statement kDropOpen{"DELETE FROM open_recordings WHERE resource_key = ?"};

const store::Statement kInsertFile{
    "INSERT INTO call_recordings (resource_key, document_id, recording_id, created_us, metadata, content, bytes) VALUES (?, ?, "
    "?, ?, ?, ?, ?)"};
const store::Statement kDropOld{"DELETE FROM call_recordings WHERE resource_key = ? AND created_us < ?"};
const store::Statement kSelectFile{
    "SELECT metadata, content, bytes FROM call_recordings WHERE resource_key = ? AND document_id = ?"};
const store::Statement kDeleteFile{"DELETE FROM call_recordings WHERE resource_key = ? AND document_id = ?"};
const store::Statement kCopy{
    "INSERT INTO call_recordings (resource_key, document_id, recording_id, created_us, metadata, content, bytes) SELECT ?, "
    "document_id, recording_id, created_us, metadata, content, bytes FROM call_recordings WHERE resource_key = ?"};
const store::Statement kDropFiles{"DELETE FROM call_recordings WHERE resource_key = ?"};
// Forks and snapshots share a file: it goes with the last row.
const store::Statement kSelectNames{
    "SELECT document_id, 0 FROM call_recordings WHERE bytes >= 0 UNION SELECT document_id, 1 FROM open_recordings"};

/// Rows of recordings are gone.
const store::Channel kDropped{"call_recordings"};

std::int64_t unix_us(Time time) { return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count(); }

Error not_found(std::string_view document_id) {
  return refusal(ErrorCode::kNotFound, 404, sub_code::kNotFound,
                 "there is no recorded file '" + std::string(document_id.substr(0, 80)) + "', or no more", "documentId");
}

/// A recording of an earlier process.
struct LeftRecording {
  std::int64_t resource_key = 0;
  RecordingFacts facts;
};

std::vector<LeftRecording> left_recordings(store::Database& database) {
  std::vector<LeftRecording> left;
  database.read([&](Session& session) {
    left.clear();
    session.query(kSelectOpen, {}, [&](const Row& row) {
      LeftRecording& one = left.emplace_back();
      one.resource_key = row.integer(0);
      one.facts.id = row.text(1);
      one.facts.document_id = row.text(2);
      one.facts.server_call_id = row.text(3);
      one.facts.correlation_id = row.text(4);
      one.facts.callback_uri = row.text(5);
      one.facts.started_at = Time(std::chrono::microseconds{row.integer(6)});
      one.facts.mixed = row.integer(7) != 0;
      const json channels = json::parse(row.text(8), nullptr, false);
      if (channels.is_array())
        for (const json& channel : channels)
          if (channel.is_string()) one.facts.channels.push_back(channel.get<std::string>());
    });
  });
  return left;
}

auto complain_of(Log& log, std::string id) {
  return [&log, id = std::move(id)](Result<void> written) {
    if (!written.ok())
      log.error("calls", "the record of a recording was not written", {{"recording", id}, {"reason", written.error().message}});
  };
}

}  // namespace

RecordingFolder& RecordingFiles::folder_of(store::Database& database) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<RecordingFolder>& folder = folders_[&database];
  if (!folder) {
    std::filesystem::path directory = database.files_directory();
    folder = std::make_unique<RecordingFolder>(directory.empty() ? directory : directory / "recordings");
  }
  return *folder;
}

void RecordingFiles::post(UniqueFunction<void()> fn) {
  used_ = true;
  worker_.post([fn = std::move(fn), work = WorkGuard(context_.executor.work())]() mutable { fn(); });
}

void RecordingFiles::stop() {
  if (std::exchange(stopped_, true)) return;
  // What is queued is written, and what the last of it queues at the database is the database's.
  if (used_) {
    std::promise<void> written;
    worker_.post([&written] { written.set_value(); });
    written.get_future().wait();
  }
  worker_.stop();
}

RecordingWriterPtr RecordingFiles::begin(const RecordingFacts& facts) {
  auto writer = std::make_shared<RecordingWriter>(folder_of(*facts.resource->database), facts);
  post([this, writer, id = facts.id] {
    writing_.insert({writer->name(), writer->final_name()});
    try {
      writer->create();
    } catch (const Error& error) {
      writer->failed = true;
      context_.executor.post([this, id, error] { on_failed_(id, error); });
    }
  });
  facts.resource->database->write(
      [facts](Session& session) {
        session.execute(kInsertOpen, {facts.resource->key, facts.id, facts.document_id, facts.server_call_id,
                                      facts.correlation_id, facts.callback_uri, unix_us(facts.started_at), facts.mixed,
                                      json(facts.channels).dump(-1, ' ', false, json::error_handler_t::replace)});
      },
      complain_of(context_.log, facts.id));
  return writer;
}

void RecordingFiles::update(const RecordingFacts& facts) {
  facts.resource->database->write(
      [facts](Session& session) {
        session.execute(kUpdateOpen, {json(facts.channels).dump(-1, ' ', false, json::error_handler_t::replace),
                                      facts.resource->key, facts.id});
      },
      complain_of(context_.log, facts.id));
}

void RecordingFiles::write(const RecordingWriterPtr& writer, const RecordingFacts& facts, RecordingSlice slice) {
  if (writer->waiting.fetch_add(1) == RecordingWriter::kMostWaiting) {
    const Error slow(ErrorCode::kUnavailable, "the disk takes the sound too slowly", "recording");
    context_.executor.post([this, id = facts.id, slow] { on_failed_(id, slow); });
  }
  if (writer->waiting > RecordingWriter::kMostWaiting) return;
  post([this, writer, id = facts.id, slice = std::move(slice)] {
    writer->waiting.fetch_sub(1);
    if (writer->failed) return;
    try {
      writer->write(slice);
    } catch (const Error& error) {
      writer->failed = true;
      context_.executor.post([this, id, error] { on_failed_(id, error); });
    }
  });
}

void RecordingFiles::finish(RecordingWriterPtr writer, RecordingSlice last, RecordingFacts facts) {
  post([this, writer = std::move(writer), last = std::move(last), facts = std::move(facts)]() mutable {
    try {
      if (!writer->failed) writer->write(last);
    } catch (const Error&) {
      writer->failed = true;
    }
    // What there is of it is kept.
    if (writer->failed) facts.frames = std::min(facts.frames, writer->frames());
    try {
      if (writer->failed && facts.frames == 0)
        throw Error(ErrorCode::kUnavailable, "nothing of it could be written", "recording");
      const std::uint64_t bytes = writer->finish(facts.frames, facts.channels.size());
      keep(writer, facts, bytes);
    } catch (const Error& error) {
      lose(writer, facts, error);
    }
  });
}

void RecordingFiles::keep(const RecordingWriterPtr& writer, const RecordingFacts& facts, std::uint64_t bytes) {
  const std::string metadata = recording_metadata(facts);
  facts.resource->database->write(
      [facts, metadata, bytes](Session& session) {
        const std::int64_t now = unix_us(facts.ended_at);
        // No row, no resource: it was dropped in between, or replaced by a snapshot.
        if (session.execute(kDeleteOpen, {facts.resource->key, facts.id}) == 0) return session.notify(kDropped, 0);
        if (session.execute(kDropOld, {facts.resource->key, unix_us(facts.ended_at - kKept)}) > 0) session.notify(kDropped, 0);
        session.execute(kInsertFile, {facts.resource->key, facts.document_id, facts.id, now, metadata,
                                      std::span<const std::uint8_t>{}, static_cast<std::int64_t>(bytes)});
      },
      [this, writer, id = facts.id](Result<void> written) {
        if (!written.ok())
          context_.log.error("calls", "a recording was lost", {{"recording", id}, {"reason", written.error().message}});
        release(writer);
      });
  // Commits are in order: whoever hears of the file finds it.
  notices_.publish(facts.resource, "RecordingFileStatusUpdated", recording_subject(facts), recording_status(facts, true));
}

void RecordingFiles::lose(const RecordingWriterPtr& writer, const RecordingFacts& facts, const Error& error) {
  context_.log.error("calls", "a recording was lost", {{"recording", facts.id}, {"reason", error.message}});
  writer->discard();
  facts.resource->database->write(
      [key = facts.resource->key, id = facts.id](Session& session) {
        session.execute(kDeleteOpen, {key, id});
      },
      [this, writer](Result<void>) { release(writer); });
  notices_.publish(facts.resource, "RecordingFileStatusUpdated", recording_subject(facts), recording_status(facts, false));
}

void RecordingFiles::discard(RecordingWriterPtr writer) {
  post([this, writer = std::move(writer)] {
    writer->discard();
    writing_.erase(writer->name());
    writing_.erase(writer->final_name());
  });
}

void RecordingFiles::release(const RecordingWriterPtr& writer) {
  worker_.post([this, writer] {
    writer->settle();
    writing_.erase(writer->name());
    writing_.erase(writer->final_name());
  });
}

void RecordingFiles::sweep(store::Database& database) {
  RecordingFolder& folder = folder_of(database);
  std::set<std::string, std::less<>> kept = writing_;
  try {
    database.read([&](Session& session) {
      session.query(kSelectNames, {}, [&](const Row& row) {
        for (const RecordingFormat format : {RecordingFormat::kWav, RecordingFormat::kMp3})
          kept.insert(std::string(row.text(0)).append(extension_of(format)));
        if (row.integer(1) != 0) kept.insert(std::string(row.text(0)) + ".part");
      });
    });
  } catch (const Error& error) {
    return context_.log.error("calls", "old recordings were not looked for", {{"reason", error.message}});
  }
  folder.sweep(kept);
}

void RecordingFiles::recover(const ResourceService& resources) {
  for (store::Database* database : context_.store.all()) {
    database->listen(kDropped, [this, database](std::span<const std::int64_t>) { post([this, database] { sweep(*database); }); });
    for (LeftRecording& left : left_recordings(*database)) {
      RecordingFacts facts = std::move(left.facts);
      facts.resource = resources.find_by_key(left.resource_key);
      if (!facts.resource) {
        database->write([key = left.resource_key](Session& session) { session.execute(kDropOpen, {key}); }, [](Result<void>) {});
        continue;
      }
      facts.ended_at = context_.clock.now();
      facts.end_reason = "ServerRestarted";
      const CallResult result =
          failure(500, sub_code::kCallTerminated, "the server was restarted while the call was being recorded");
      tell_recording_state(notices_, facts, false, result);
      post([this, database, facts]() mutable {
        // The name of the file says what it is.
        RecordingFolder& folder = folder_of(*database);
        if (facts.mixed && folder.open(facts.document_id + ".mp3")) facts.format = RecordingFormat::kMp3;
        auto writer = std::make_shared<RecordingWriter>(folder, facts);
        writing_.insert({writer->name(), writer->final_name()});
        try {
          facts.frames = writer->reopen();
          if (facts.frames == 0) throw Error(ErrorCode::kDataLoss, "the process ended before anything was written", "recording");
          const std::uint64_t bytes = writer->finish(facts.frames, facts.channels.size());
          keep(writer, facts, bytes);
        } catch (const Error& error) {
          lose(writer, facts, error);
        }
      });
    }
    if (folder_of(*database).may_have_files()) post([this, database] { sweep(*database); });
  }
}

RecordedFile RecordingFiles::open(const Resource& resource, std::string_view document_id) {
  std::optional<RecordedFile> found;
  std::int64_t size = -1;
  resource.database->read([&](Session& session) {
    session.query(kSelectFile, {resource.key, document_id}, [&](const Row& row) {
      found.emplace();
      found->metadata = row.text(0);
      size = row.integer(2);
      const std::span<const std::uint8_t> bytes = row.blob(1);
      found->content.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    });
  });
  if (!found) throw not_found(document_id);
  if (size < 0) {
    found->size = found->content.size();
    return *std::move(found);
  }
  found->size = static_cast<std::uint64_t>(size);
  for (const RecordingFormat format : {RecordingFormat::kWav, RecordingFormat::kMp3}) {
    found->format = format;
    found->file = folder_of(*resource.database).open(std::string(document_id).append(extension_of(format)));
    if (found->file) break;
  }
  if (!found->file) throw not_found(document_id);
  return *std::move(found);
}

Task<void> RecordingFiles::drop(ResourcePtr resource, std::string document_id) {
  // Named: GCC 12 copies the captures of a temporary lambda bit by bit within co_await.
  auto work = [resource, document_id](Session& session) {
    if (session.execute(kDeleteFile, {resource->key, document_id}) == 0) throw not_found(document_id);
    session.notify(kDropped, 0);
  };
  co_await resource->database->write(std::move(work));
}

void copy_recordings(Session& session, const Resource& from, const Resource& to) { session.execute(kCopy, {to.key, from.key}); }

void drop_recordings(Session& session, const Resource& resource) {
  session.execute(kDropOpen, {resource.key});
  if (session.execute(kDropFiles, {resource.key}) > 0) session.notify(kDropped, 0);
}

}  // namespace trunkline::calls
