// What is said of recordings: their state, their files.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "runtime/calls/notices.h"
#include "runtime/calls/recording_files.h"

namespace trunkline::calls {

/// JSON.
std::string recording_metadata(const RecordingFacts& facts);
std::string recording_subject(const RecordingFacts& facts);
/// Of RecordingFileStatusUpdated. Without a file there are no chunks.
nlohmann::json recording_status(const RecordingFacts& facts, bool file);
/// RecordingStateChanged to whoever asked for it.
void tell_recording_state(CallNotices& notices, const RecordingFacts& facts, bool active, const CallResult& result);

}  // namespace trunkline::calls
