// The life of a call connection as pure transitions, and what may be done in each state. docs/guide/calls.md shows them.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "runtime/calls/result.h"
#include "trunkline/error.hpp"

namespace trunkline::calls {

/// Where an application's own side of a call is (`callConnectionState`). Only kTransferring goes back, when a transfer fails.
enum class CallState : std::uint8_t {
  kConnecting,
  kConnected,
  kTransferring,
  kTransferAccepted,
  kDisconnecting,
  kDisconnected,
};
inline constexpr int kCallStates = 6;

/// What happens to a connection.
enum class CallInput : std::uint8_t {
  kAnswered,          // the first of the others is there
  kTransferAsked,     // the application hands the call on
  kTransferAccepted,  // whom it is handed to has answered
  kTransferRefused,   // or has not
  kHangUp,            // it leaves, or everybody is sent away
  kGone,              // nothing is left of it
};
inline constexpr int kCallInputs = 6;

/// The word of the REST API.
std::string_view word(CallState state);
/// nullopt: this does not happen in that state.
std::optional<CallState> next(CallState state, CallInput input);

/// What an application asks of a connection.
enum class CallAction : std::uint8_t {
  kLook,  // its properties and participants
  kHangUp,
  kInvite,  // add, cancel, remove, move, mute
  kTransfer,
  kMedia,  // play, recognise, tones, hold, streaming, transcription
  kRecord,
};

/// Throws the documented refusal when the action is not for this state: not established (8501), being handed on (8585), over
/// (404, 8522).
void require(CallState state, CallAction action);

/// Refusals with the sub-codes that are documented, as `error.code`.
Error call_not_found(std::string_view connection_id);
Error refusal(ErrorCode code, int http_status, int sub_code, std::string message, std::string target = {});
/// 400: an argument is wrong.
Error bad_argument(std::string message, std::string target, int sub = sub_code::kInvalidArgument);

}  // namespace trunkline::calls
