// Finished recordings: how the file is made, where it is kept.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "runtime/calls/call_recordings.h"

namespace trunkline::calls {

/// What a file is made of.
struct RecordingPlan {
  struct Piece {
    std::size_t channel = 0;
    Time from;
    Time to;
    Sound sound;
  };
  ResourcePtr resource;
  std::string id;
  std::string document_id;
  std::string server_call_id;
  std::string correlation_id;
  Time started_at;
  Time ended_at;
  bool mixed = true;
  const char* end_reason = "";
  std::vector<std::pair<Time, Time>> spans;
  std::vector<Piece> pieces;
  std::vector<std::string> channels;  // raw ids
};

/// The sound of the spans, one after another; what was paused is left out.
std::vector<Samples> mix_down(const RecordingPlan& plan);
Duration length_of(const RecordingPlan& plan);
/// Writes the file and tells Event Grid. Nothing waits.
void keep_recording(ServiceContext& context, CallNotices& notices, RecordingPlan plan);
/// Throws kNotFound.
RecordedFile read_recording(const Resource& resource, std::string_view document_id);
Task<void> drop_recording(ResourcePtr resource, std::string document_id);

}  // namespace trunkline::calls
