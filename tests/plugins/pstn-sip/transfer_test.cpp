// Transfers by REFER, and holds that the other side is told of.
#include "tests/plugins/pstn-sip/sip_pair.h"

namespace trunkline::testing {
namespace {

constexpr const char* kTarget = "+12065550150";

class PstnSipTransfer : public PstnSip {
 protected:
  void talk_with(const json& more) {
    open(more);
    talk();
  }
};

TEST_F(PstnSipTransfer, TheOtherSideMakesIt) {
  talk_with({{"transfer", "refer"}, {"accept_refer", true}});
  near_.trunks.transfer_sync("leg", kTarget);
  ASSERT_TRUE(far_.told(std::string("transfer asked ") + kTarget));
  EXPECT_EQ(code_of([&] { near_.trunks.transfer_sync("leg", kTarget); }), ErrorCode::kFailedPrecondition) << "one at a time";
  far_.trunks.transfer_progress_sync(far_.incoming_leg(), 180);
  far_.trunks.transfer_progress_sync(far_.incoming_leg(), 200);
  EXPECT_TRUE(near_.told("transfer 16 200"));
  EXPECT_EQ(code_of([&] { far_.trunks.transfer_progress_sync(far_.incoming_leg(), 200); }), ErrorCode::kNotFound)
      << "it was the last";
  near_.calls.hang_up_sync("leg", 16);
  EXPECT_TRUE(far_.told("ended 16"));
}

TEST_F(PstnSipTransfer, AgainAfterTheTargetWasBusy) {
  talk_with({{"transfer", "refer"}, {"accept_refer", true}});
  near_.trunks.transfer_sync("leg", kTarget);
  ASSERT_TRUE(far_.told_begin("transfer asked"));
  far_.trunks.transfer_progress_sync(far_.incoming_leg(), 486);
  ASSERT_TRUE(near_.told("transfer 17 486"));
  near_.trunks.transfer_sync("leg", "+12065550151");
  ASSERT_TRUE(far_.told("transfer asked +12065550151"));
  far_.trunks.transfer_progress_sync(far_.incoming_leg(), 200);
  EXPECT_TRUE(near_.told("transfer 16 200"));
}

TEST_F(PstnSipTransfer, ATrunkThatDoesNotTakeItSaysSo) {
  talk_with({{"transfer", "refer"}});
  near_.trunks.transfer_sync("leg", kTarget);
  EXPECT_TRUE(near_.told("no transfer 31 405"));
  both_hear();
}

TEST_F(PstnSipTransfer, TheHostRefuses) {
  for (const auto& [code, told] : {std::pair(ErrorCode::kPermissionDenied, "no transfer 21 403"),
                                   std::pair(ErrorCode::kFailedPrecondition, "no transfer 21 603")}) {
    if (!near_.instance) talk_with({{"transfer", "refer"}, {"accept_refer", true}});
    far_.refuses_transfer = code;
    near_.trunks.transfer_sync("leg", kTarget);
    EXPECT_TRUE(near_.told(told));
  }
}

TEST_F(PstnSipTransfer, OneThatIsNotConfiguredIsNotAsked) {
  talk_with({{"accept_refer", true}});
  EXPECT_EQ(code_of([&] { near_.trunks.transfer_sync("leg", kTarget); }), ErrorCode::kFailedPrecondition);
  EXPECT_EQ(code_of([&] { near_.trunks.transfer_sync("nobody", kTarget); }), ErrorCode::kNotFound);
}

TEST_F(PstnSipTransfer, ToWhatIsNoNumber) {
  talk_with({{"transfer", "refer"}, {"accept_refer", true}});
  EXPECT_EQ(code_of([&] { near_.trunks.transfer_sync("leg", "sip:a@b>"); }), ErrorCode::kInvalidArgument);
}

/// Holds and lets go, and both hear each other afterwards.
TEST_F(PstnSipTransfer, AHoldIsToldAndTakenBack) {
  talk_with({{"hold", "reinvite"}});
  both_hear();
  pstn::LegFlow held;
  held.on_hold = held.tapped = true;
  near_.audio.set_flow_sync("leg", held);
  far_.audio.set_flow_sync(far_.incoming_leg(), held);  // both at once, or one after the other: either way it settles
  pstn::LegFlow open;
  open.tapped = true;
  near_.audio.set_flow_sync("leg", open);
  far_.audio.set_flow_sync(far_.incoming_leg(), open);
  near_.forget_frame();
  far_.forget_frame();
  near_.audio.play_sync("leg", 1, tone_bytes(1000, 30000));
  far_.audio.play_sync(far_.incoming_leg(), 1, tone_bytes(700, 30000));
  // Glares are tried again by the clock, as soon as their answers are here.
  bool heard = false;
  for (int i = 0; i < 100 && !heard; ++i) {
    host_.clock.advance(seconds{5});
    heard = far_.hears(1000, std::chrono::milliseconds{100}) && near_.hears(700, std::chrono::milliseconds{100});
  }
  EXPECT_TRUE(heard);
}

}  // namespace
}  // namespace trunkline::testing
