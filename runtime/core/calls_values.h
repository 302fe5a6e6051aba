// What applications in the process say of calls, as the service wants it, and back. Errors: kInvalidArgument, naming the member.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "runtime/calls/call_service.h"
#include "trunkline/calling.hpp"

namespace trunkline::calls_values {

inline constexpr std::size_t kMaxKey = 128;  // bytes of an idempotency key

Error bad_member(const char* member, const std::string& what);
std::optional<calls::Party> phone_of(const std::optional<std::string>& text, const char* member);
std::optional<calls::Party> user_of(const std::optional<std::string>& text, const char* member);
std::vector<calls::Party> parties_of(const std::vector<std::string>& texts, const char* member);
calls::CustomContext custom_of(const std::optional<Properties>& sip_headers, const std::optional<Properties>& voip_headers);
calls::ConnectionSpec connection_of(std::optional<std::string>& callback_uri, std::optional<std::string>& context);
calls::OperationTag tag_of(std::optional<std::string>& context);
/// 0-9, A-D, * and #.
std::string digits_of(const std::string& tones, const char* member);
calls::PlaySource source_of(calling::PlaySource source, const char* member);
std::vector<calls::PlaySource> sources_of(std::vector<calling::PlaySource> sources, const char* member);
calls::RecognizeSpec spec_of(calling::CallRecognize& wanted);

calling::CallConnection connection_of(const calls::ConnectionView& view);
std::vector<calling::CallParticipant> people_of(const std::vector<calls::ParticipantView>& views);

}  // namespace trunkline::calls_values
