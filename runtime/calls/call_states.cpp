#include "runtime/calls/call_states.h"

#include <array>
#include <string>

namespace trunkline::calls {
namespace {

constexpr std::array<std::string_view, kCallStates> kWords = {"connecting",       "connected",     "transferring",
                                                              "transferAccepted", "disconnecting", "disconnected"};

}  // namespace

std::string_view word(CallState state) { return kWords[static_cast<std::size_t>(state)]; }

std::optional<CallState> next(CallState state, CallInput input) {
  switch (input) {
    case CallInput::kAnswered:
      if (state == CallState::kConnecting) return CallState::kConnected;
      break;
    case CallInput::kTransferAsked:
      if (state == CallState::kConnected) return CallState::kTransferring;
      break;
    case CallInput::kTransferAccepted:
      if (state == CallState::kTransferring) return CallState::kTransferAccepted;
      break;
    case CallInput::kTransferRefused:
      if (state == CallState::kTransferring) return CallState::kConnected;
      break;
    case CallInput::kHangUp:
      if (state != CallState::kDisconnecting && state != CallState::kDisconnected) return CallState::kDisconnecting;
      break;
    case CallInput::kGone:
      // A call that nobody took, and one that is handed on, end without being hung up.
      if (state != CallState::kDisconnected) return CallState::kDisconnected;
      break;
  }
  return std::nullopt;
}

Error refusal(ErrorCode code, int http_status, int sub_code, std::string message, std::string target) {
  return Error(code, std::move(message), std::move(target))
      .with_http_status(http_status)
      .with_service_code(std::to_string(sub_code));
}
Error bad_argument(std::string message, std::string target, int sub) {
  return refusal(ErrorCode::kInvalidArgument, 400, sub, std::move(message), std::move(target));
}

Error call_not_found(std::string_view connection_id) {
  return refusal(ErrorCode::kNotFound, 404, 8522,
                 "there is no call connection '" + std::string(connection_id.substr(0, 80)) + "'", "callConnectionId");
}

void require(CallState state, CallAction action) {
  const auto refuse = [&](int sub_code, const char* why) {
    throw refusal(ErrorCode::kFailedPrecondition, 400, sub_code, "the call is " + std::string(word(state)) + ": " + why,
                  "callConnectionId");
  };
  switch (state) {
    case CallState::kConnected:
      return;
    case CallState::kConnecting:
      if (action == CallAction::kLook || action == CallAction::kHangUp) return;
      return refuse(8501, "it is not established yet");
    case CallState::kTransferring:
      if (action == CallAction::kTransfer) return refuse(8607, "it is being handed on already");
      return;
    case CallState::kTransferAccepted:
      if (action == CallAction::kLook || action == CallAction::kHangUp) return;
      return refuse(8585, "it has been handed on");
    case CallState::kDisconnecting:
    case CallState::kDisconnected:
      throw refusal(ErrorCode::kNotFound, 404, 8522, "the call is over", "callConnectionId");
  }
}

}  // namespace trunkline::calls
