// Two ends of a connection in one process: every call that one makes arrives at the other, and ends once.
#include "runtime/remote/peer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <optional>

#include "trunkline/media_client.hpp"
#include "trunkline/media_provider.hpp"
#include "trunkline/sms_client.hpp"
#include "trunkline/sms_provider.hpp"

namespace trunkline::remote {
namespace {

using testing::HasSubstr;

/// Frames wait until the test moves them.
class End final : public Peer {
 public:
  End() : Peer(abi::Errors()) {}
  std::deque<std::string> sent;
  std::vector<std::string> misuse;
  void cancel_when_closed() { cancels_when_closed_ = true; }

 private:
  void transmit(std::string_view frame) noexcept override { sent.emplace_back(frame); }
  void misused(std::string_view kind, std::string_view operation, std::string_view) noexcept override {
    misuse.push_back(std::string(kind) + " " + std::string(operation));
  }
  void control(Frame&&) override {}
};

/// The other end's object.
struct Target final : wire::Caller {
  Target(Peer& p, std::string_view id) : peer(p), index(index_of(id)) {}
  static std::size_t index_of(std::string_view id) {
    std::size_t i = 0;
    while (id != wire::interfaces()[i]->id) ++i;
    return i;
  }
  void begin(const wire::Operation& operation, const tl_call* call, const void* const* arguments, wire::AnyDone done,
             void* user) noexcept override {
    peer.begin(index, operation, call, arguments, done, user);
  }
  tl_iface iface() { return {static_cast<wire::Caller*>(this), wire::interfaces()[index]->vtbl}; }
  Peer& peer;
  const std::size_t index;
};

class Carrier final : public sms::SmsProvider {
 public:
  void start_send(const Call& call, sms::SmsSendRequestView request, Completion<std::vector<sms::SmsSendResult>> done) override {
    seen.push_back(request.copy());
    keys.emplace_back(call.idempotency_key());
    cancelled = call.on_cancel([this] { ++cancels; });
    pending.push_back(std::move(done));
  }
  sms::SmsCapabilities capabilities(const Call&) override { return {}; }

  std::vector<sms::SmsSendRequest> seen;
  std::vector<std::string> keys;
  std::deque<Completion<std::vector<sms::SmsSendResult>>> pending;
  CancelSubscription cancelled;
  int cancels = 0;
};

class Tones final : public media::MediaProvider {
 public:
  struct Source final : StreamSource<media::AudioFrame> {
    explicit Source(int& c) : closed(c) {}
    Task<std::vector<media::AudioFrame>> next(std::uint32_t max) override {
      std::vector<media::AudioFrame> out;
      for (std::uint32_t i = 0; i < max && at < 3; ++i) out.push_back({.position = at++, .samples = {1, 2}});
      co_return out;
    }
    void close() override { ++closed; }
    std::int64_t at = 0;
    int& closed;
  };
  Task<std::unique_ptr<StreamSource<media::AudioFrame>>> render(Call, media::PlaySource, media::AudioFormat) override {
    co_return std::make_unique<Source>(closed);
  }
  media::MediaCapabilities capabilities(const Call&) override { return {}; }
  int closed = 0;
};

class Connection : public testing::Test {
 protected:
  ~Connection() override {
    near->close([](std::string_view, std::uint64_t) { return Error(ErrorCode::kCancelled, "over"); });
    far->close([](std::string_view, std::uint64_t) { return Error(ErrorCode::kCancelled, "over"); });
  }
  static void move(End& from, End& to) {
    while (!from.sent.empty()) {
      const std::string bytes = std::move(from.sent.front());
      from.sent.pop_front();
      FrameBuffer buffer;
      std::memcpy(buffer.room(bytes.size()), bytes.data(), bytes.size());
      buffer.grew(bytes.size());
      Frame frame;
      ASSERT_TRUE(buffer.next(frame));
      to.receive(std::move(frame));
    }
  }
  void move_all() {
    while (!near->sent.empty() || !far->sent.empty()) move(*near, *far), move(*far, *near);
  }

  std::shared_ptr<End> near = std::make_shared<End>(), far = std::make_shared<End>();
  CallTable calls{"far"};
};

sms::SmsSendRequest text_to(const std::string& to) {
  sms::SmsSendRequest request;
  request.recipients = {{.to = to, .message_id = "id"}};
  return request;
}

TEST_F(Connection, CallsCompleteInAnyOrder) {
  Carrier carrier;
  Target target(*near, "trunkline.sms/1");
  far->offer(target.index, carrier.find("trunkline.sms/1"));
  const sms::SmsProviderClient client(target.iface(), calls);
  std::vector<std::string> ended;
  for (const char* to : {"+1", "+2"}) {
    CallOptions options;
    options.idempotency_key = std::string("key of ") + to;
    client.start_send(text_to(to), std::move(options), [&ended, to](Result<std::vector<sms::SmsSendResult>> result) {
      ended.push_back(to + (result.ok() ? " " + result.value().at(0).message_id : " " + result.error().message));
    });
  }
  move_all();
  ASSERT_EQ(carrier.seen.size(), 2u);
  EXPECT_EQ(carrier.seen[0], text_to("+1"));
  EXPECT_EQ(carrier.keys[1], "key of +2");
  EXPECT_TRUE(ended.empty());
  sms::SmsSendResult result;
  result.message_id = "second";
  carrier.pending[1].resolve(std::vector{result});
  carrier.pending[0].reject(Error(ErrorCode::kUnavailable, "away"));
  move_all();
  EXPECT_THAT(ended, testing::ElementsAre("+2 second", "+1 away"));
  EXPECT_EQ(near->pending(), 0u);
}

TEST_F(Connection, CancelCrossesOnce) {
  Carrier carrier;
  Target target(*near, "trunkline.sms/1");
  far->offer(target.index, carrier.find("trunkline.sms/1"));
  const sms::SmsProviderClient client(target.iface(), calls);
  std::stop_source stop;
  CallOptions options;
  options.stop = stop.get_token();
  std::optional<Error> error;
  client.start_send(text_to("+1"), std::move(options), [&](Result<std::vector<sms::SmsSendResult>> r) { error = r.error(); });
  move_all();
  stop.request_stop();
  move_all();
  EXPECT_EQ(carrier.cancels, 1);
  EXPECT_FALSE(error) << "cancelling is a request";
  carrier.cancelled = {};
  carrier.pending[0].reject(Error(ErrorCode::kCancelled, "as asked"));
  move_all();
  EXPECT_EQ(error->message, "as asked");
}

TEST_F(Connection, WhatIsServedForNobodyIsCancelled) {
  Carrier carrier;
  Target target(*near, "trunkline.sms/1");
  far->cancel_when_closed();
  far->offer(target.index, carrier.find("trunkline.sms/1"));
  const sms::SmsProviderClient client(target.iface(), calls);
  client.start_send(text_to("+1"), {}, [](Result<std::vector<sms::SmsSendResult>>) {});
  move_all();
  EXPECT_EQ(carrier.cancels, 0);
  far->close([](std::string_view, std::uint64_t) { return Error(ErrorCode::kCancelled, "over"); });
  EXPECT_EQ(carrier.cancels, 1);
  carrier.cancelled = {};
  carrier.pending[0].reject(Error(ErrorCode::kCancelled, "as asked"));
}

TEST_F(Connection, StreamsArePulledAndClosed) {
  Tones tones;
  Target target(*near, "trunkline.media/draft-1");
  far->offer(target.index, tones.find("trunkline.media/draft-1"));
  const media::MediaProviderClient client(target.iface(), calls);
  std::optional<StreamClient<media::AudioFrame>> stream;
  client.start_render(media::PlaySource::of_text("hi"), {}, {}, [&](auto result) { stream.emplace(std::move(result).value()); });
  move_all();
  ASSERT_TRUE(stream);
  std::vector<std::int64_t> positions;
  for (int i = 0; i < 3; ++i) {
    stream->start_next(2, [&](Result<std::vector<media::AudioFrame>> items) {
      for (const auto& item : items.value()) positions.push_back(item.position);
      if (items.value().empty()) positions.push_back(-1);
    });
    move_all();
  }
  EXPECT_THAT(positions, testing::ElementsAre(0, 1, 2, -1));
  stream->close();
  move_all();
  EXPECT_EQ(tones.closed, 1);
}

TEST_F(Connection, ClosingEndsEveryCallWithAReasonOfItsOwn) {
  Carrier carrier;
  Target target(*near, "trunkline.sms/1");
  far->offer(target.index, carrier.find("trunkline.sms/1"));
  const sms::SmsProviderClient client(target.iface(), calls);
  std::vector<std::string> ended;
  const auto send = [&] {
    client.start_send(text_to("+1"), {}, [&](Result<std::vector<sms::SmsSendResult>> r) { ended.push_back(r.error().message); });
  };
  send();
  move_all();
  send();
  near->close([](std::string_view operation, std::uint64_t id) {
    return Error(ErrorCode::kUnavailable, std::string(operation) + " " + std::to_string(id));
  });
  send();
  std::sort(ended.begin(), ended.end());
  EXPECT_THAT(ended, testing::ElementsAre("send 0", "send 1", "send 2"));
  // The other side may still answer: nobody listens.
  carrier.pending[0].reject(Error(ErrorCode::kUnavailable, "late"));
}

TEST_F(Connection, WhatIsNotOfferedSaysSo) {
  Target target(*near, "trunkline.sms/1");
  const sms::SmsProviderClient client(target.iface(), calls);
  std::optional<Error> error;
  client.start_send(text_to("+1"), {}, [&](Result<std::vector<sms::SmsSendResult>> r) { error = r.error(); });
  move_all();
  EXPECT_EQ(error->code, ErrorCode::kUnimplemented);
}

TEST_F(Connection, FramesThatNobodyMeansAreRefused) {
  const auto why = [&](FrameType type, std::uint64_t id, std::uint32_t target, std::uint32_t operation) -> std::string {
    Frame frame;
    frame.head.type = type;
    frame.head.id = id;
    frame.head.target = target;
    frame.head.operation = operation;
    try {
      near->receive(std::move(frame));
    } catch (const Error& error) {
      return error.message;
    }
    return "";
  };
  EXPECT_EQ(why(FrameType::kReply, 7, 0, 0), "a reply to a call that is not under way");
  EXPECT_EQ(why(FrameType::kCall, 7, 99999, 0), "a call of an unknown interface");
  EXPECT_THAT(why(FrameType::kCall, 7, 0, 999), HasSubstr("a call of an unknown operation"));
  EXPECT_EQ(why(FrameType::kClose, 7, 0, 0), "the end of a stream that is not open");
  EXPECT_EQ(why(FrameType::kNext, 7, 0, 0), "the bytes end within a value");
  EXPECT_EQ(why(FrameType::kCancel, 7, 0, 0), "") << "the call may just have ended";
}

TEST(Frames, WhatALargeOneNeededIsNotKept) {
  const std::string large(std::size_t{2} << 20, 'x');
  std::string text = large;
  give_back(text);
  EXPECT_LE(text.capacity(), kKeptRoom);
  std::string chunk = large, out = "next";
  swap_room(chunk, out);
  EXPECT_EQ(chunk, "next");
  EXPECT_LE(out.capacity(), kKeptRoom);
  Incoming& call = IncomingPool::instance().acquire();
  call.body = large;
  IncomingPool::instance().claim(IncomingPool::handle(call), nullptr);
  IncomingPool::instance().release(call);
  EXPECT_LE(call.body.capacity(), kKeptRoom);
}

TEST(Frames, AreCutOutOfAnyPieces) {
  std::string bytes;
  for (int i = 0; i < 5; ++i) {
    std::string frame;
    begin_frame(frame);
    frame.append(static_cast<std::size_t>(i) * 50, 'x');
    end_frame(frame, FrameType::kReply, static_cast<std::uint64_t>(i));
    bytes += frame;
  }
  FrameBuffer buffer;
  std::uint64_t next = 0;
  for (const char c : bytes) {
    *buffer.room(1) = c;
    buffer.grew(1);
    Frame frame;
    while (buffer.next(frame)) {
      EXPECT_EQ(frame.head.id, next);
      EXPECT_EQ(frame.body.size(), next++ * 50);
    }
  }
  EXPECT_EQ(next, 5u);
}

}  // namespace
}  // namespace trunkline::remote
