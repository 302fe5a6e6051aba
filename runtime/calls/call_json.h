// What the operations of calls read and write in common.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/json.h"
#include "runtime/calls/requests.h"

namespace trunkline::calls {

OperationTag read_tag(const JsonRef& body);
CustomContext read_custom_context(const JsonRef& body);
std::optional<Party> find_party(const JsonRef& body, const char* name);
std::optional<Party> find_phone(const JsonRef& body, const char* name);
std::vector<Party> read_parties(const JsonRef& body, const char* name);
/// callbackUri, operationContext, mediaStreamingOptions and transcriptionOptions.
ConnectionSpec read_connection(const JsonRef& body);
/// One of playSources.
PlaySource read_play_source(const JsonRef& value);
std::vector<PlaySource> read_play_sources(const JsonRef& body, const char* name);
/// `zero`, `asterisk`, … as digits.
std::string read_tones(const JsonRef& list);

nlohmann::json connection_json(const ConnectionView& view);
nlohmann::json participant_json(const ParticipantView& view);
/// `{"operationContext":…}`; the member is left out when there is none.
nlohmann::json context_json(const OperationTag& tag);

}  // namespace trunkline::calls
