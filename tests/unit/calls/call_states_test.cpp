#include "runtime/calls/call_states.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace trunkline::calls::testing {
namespace {

constexpr std::array<CallState, kCallStates> kStates = {CallState::kConnecting,    CallState::kConnected,
                                                        CallState::kTransferring,  CallState::kTransferAccepted,
                                                        CallState::kDisconnecting, CallState::kDisconnected};
constexpr std::array<CallInput, kCallInputs> kInputs = {CallInput::kAnswered,         CallInput::kTransferAsked,
                                                        CallInput::kTransferAccepted, CallInput::kTransferRefused,
                                                        CallInput::kHangUp,           CallInput::kGone};

TEST(CallStates, EveryTransitionIsOneOfThese) {
  const std::map<std::pair<CallState, CallInput>, CallState> table = {
      {{CallState::kConnecting, CallInput::kAnswered}, CallState::kConnected},
      {{CallState::kConnecting, CallInput::kHangUp}, CallState::kDisconnecting},
      {{CallState::kConnecting, CallInput::kGone}, CallState::kDisconnected},
      {{CallState::kConnected, CallInput::kTransferAsked}, CallState::kTransferring},
      {{CallState::kConnected, CallInput::kHangUp}, CallState::kDisconnecting},
      {{CallState::kConnected, CallInput::kGone}, CallState::kDisconnected},
      {{CallState::kTransferring, CallInput::kTransferAccepted}, CallState::kTransferAccepted},
      {{CallState::kTransferring, CallInput::kTransferRefused}, CallState::kConnected},
      {{CallState::kTransferring, CallInput::kHangUp}, CallState::kDisconnecting},
      {{CallState::kTransferring, CallInput::kGone}, CallState::kDisconnected},
      {{CallState::kTransferAccepted, CallInput::kHangUp}, CallState::kDisconnecting},
      {{CallState::kTransferAccepted, CallInput::kGone}, CallState::kDisconnected},
      {{CallState::kDisconnecting, CallInput::kGone}, CallState::kDisconnected},
  };
  for (const CallState state : kStates)
    for (const CallInput input : kInputs) {
      const auto found = table.find({state, input});
      const auto got = next(state, input);
      SCOPED_TRACE(std::string(word(state)) + " + " + std::to_string(static_cast<int>(input)));
      if (found == table.end())
        EXPECT_FALSE(got);
      else
        EXPECT_EQ(got, found->second);
    }
}

TEST(CallStates, ACallThatIsOverTakesNothing) {
  for (const CallInput input : kInputs) EXPECT_FALSE(next(CallState::kDisconnected, input));
}

/// `status/sub-code` of the refusal; empty: it may be done.
std::string refusal_of(CallState state, CallAction action) {
  try {
    require(state, action);
    return "";
  } catch (const Error& error) {
    return std::to_string(error.http_status) + "/" + error.service_code;
  }
}

TEST(CallStates, IllegalActionsAreRefusedAsDocumented) {
  for (const CallAction action : {CallAction::kInvite, CallAction::kTransfer, CallAction::kMedia, CallAction::kRecord}) {
    EXPECT_EQ(refusal_of(CallState::kConnecting, action), "400/8501");
    EXPECT_EQ(refusal_of(CallState::kConnected, action), "");
    EXPECT_EQ(refusal_of(CallState::kTransferAccepted, action), "400/8585");
    EXPECT_EQ(refusal_of(CallState::kDisconnected, action), "404/8522");
    EXPECT_EQ(refusal_of(CallState::kDisconnecting, action), "404/8522");
  }
  EXPECT_EQ(refusal_of(CallState::kTransferring, CallAction::kTransfer), "400/8607");
  EXPECT_EQ(refusal_of(CallState::kTransferring, CallAction::kMedia), "");
  for (const CallState state : {CallState::kConnecting, CallState::kTransferring, CallState::kTransferAccepted}) {
    EXPECT_EQ(refusal_of(state, CallAction::kHangUp), "");
    EXPECT_EQ(refusal_of(state, CallAction::kLook), "");
  }
}

TEST(CallStates, TheRefusalNamesTheConnection) {
  try {
    require(CallState::kConnecting, CallAction::kMedia);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.target, "callConnectionId");
    EXPECT_THAT(error.message, ::testing::HasSubstr("connecting"));
  }
}

}  // namespace
}  // namespace trunkline::calls::testing
