// Two user agents that call each other over the loopback, each as a plugin of its own host.
#pragma once
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>

#include "tests/plugins/host.h"
#include "tests/plugins/sound.h"
#include "trunkline/pstn_client.hpp"
#include "trunkline/pstn_provider.hpp"

namespace trunkline::testing {

using nlohmann::json;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

inline constexpr const char* kCaller = "+14255550100";
inline constexpr const char* kCallee = "+14255550123";

/// A port that nobody has right now, neither over UDP nor over TCP.
inline int free_port() {
  for (;;) {
    const int udp = ::socket(AF_INET, SOCK_DGRAM, 0), tcp = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(tcp, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(tcp, reinterpret_cast<sockaddr*>(&address), &size), 0);
    const bool both = ::bind(udp, reinterpret_cast<sockaddr*>(&address), size) == 0;
    ::close(udp);
    ::close(tcp);
    if (both) return ntohs(address.sin_port);
  }
}

/// One side: a plugin, and what its host was told.
class Agent final : public pstn::PstnEvents, public pstn::PstnAudioEvents {
 public:
  ~Agent() { instance.reset(); }  // it may tell something until then
  void open(Host& host, json config, std::map<std::string, Secret> secrets = {}) {
    static std::atomic<int> ports{33000};
    const int first = ports.fetch_add(100);
    if (!config.contains("address")) config["address"] = "127.0.0.1";
    config["port"] = port;
    config["rtp_port_first"] = first;
    config["rtp_port_last"] = first + 99;
    if (!config.contains("options_seconds")) config["options_seconds"] = 0;
    plugin::InstanceSettings settings;
    settings.provider = "under-test";
    settings.config_json = config.dump();
    settings.secrets = std::move(secrets);
    settings.event_sink = [this](std::string_view id) {
      return id == pstn::PstnEventsClient::kInterfaceId ? iface_of(static_cast<pstn::PstnEvents*>(this))
                                                        : iface_of(static_cast<pstn::PstnAudioEvents*>(this));
    };
    instance = plugin::PluginInstance::create(host.loader.load("pstn-sip"), std::move(settings), host.context);
    calls = {instance->interface("trunkline.pstn/1"), instance->calls()};
    audio = {instance->interface("trunkline.pstn.audio/1"), instance->calls()};
    trunks = {instance->interface("trunkline.pstn.trunks/1"), instance->calls()};
  }

  void dial(const std::string& to = kCallee, Properties headers = {},
            std::optional<std::vector<pstn::DialTrunk>> over = std::nullopt) {
    pstn::DialRequest request;
    request.leg_id = "leg";
    request.from = kCaller;
    request.to = to;
    request.ring_timeout = seconds{30};
    request.headers = std::move(headers);
    request.trunks = std::move(over);
    calls.dial_sync(std::move(request));
  }

  Task<void> incoming(Call, std::string leg_id, std::string from, std::string to, Properties headers) override {
    {
      const std::lock_guard lock(mutex_);
      incoming_leg_ = leg_id;
      headers_ = std::move(headers);
    }
    note("incoming " + from + " " + to);
    if (refuses) throw Error(*refuses, "not here");
    co_return;
  }
  Task<void> changed(Call, std::string, pstn::LegChange change) override {
    if (const auto* state = change.state()) note(*state == pstn::LegState::kRinging ? "ringing" : "answered");
    if (const auto* input = change.dtmf()) note("dtmf " + input->digits);
    if (const auto* cause = change.ended()) {
      {
        const std::lock_guard lock(mutex_);
        why_ = cause->text.value_or("");
      }
      note("ended " + std::to_string(cause->q850) + (cause->sip_status ? " " + std::to_string(*cause->sip_status) : ""));
    }
    co_return;
  }
  Task<void> transfer_asked(Call, std::string, std::string to) override {
    note("transfer asked " + to);
    if (refuses_transfer) throw Error(*refuses_transfer, "not today");
    co_return;
  }
  Task<void> transferred(Call, std::string, pstn::TransferOutcome outcome) override {
    note((outcome.accepted ? "transfer " : "no transfer ") + std::to_string(outcome.cause.q850) + " " +
         std::to_string(outcome.cause.sip_status.value_or(0)));
    co_return;
  }
  void heard(const Call&, std::string_view, std::int64_t, BytesView samples) override {
    const std::lock_guard lock(mutex_);
    frame_.assign(samples.begin(), samples.end());
    changed_.notify_all();
  }

  /// Waits until this has been told.
  bool told(const std::string& note) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, seconds{20}, [&] { return std::find(notes_.begin(), notes_.end(), note) != notes_.end(); });
  }
  bool told_begin(const std::string& begin, seconds patience = seconds{20}) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] {
      return std::any_of(notes_.begin(), notes_.end(), [&](const std::string& one) { return one.starts_with(begin); });
    });
  }
  bool hears(double hz, std::chrono::milliseconds patience = seconds{20}) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return !frame_.empty() && strength_of(frame_, hz) > 0.8; });
  }
  void forget_frame() {
    const std::lock_guard lock(mutex_);
    frame_.clear();
  }
  std::string incoming_leg() {
    const std::lock_guard lock(mutex_);
    return incoming_leg_;
  }
  Properties headers() {
    const std::lock_guard lock(mutex_);
    return headers_;
  }
  std::string why() {
    const std::lock_guard lock(mutex_);
    return why_;
  }
  std::vector<std::string> notes() {
    const std::lock_guard lock(mutex_);
    return notes_;
  }

  const int port = free_port();
  std::optional<ErrorCode> refuses, refuses_transfer;
  std::unique_ptr<plugin::PluginInstance> instance;
  pstn::PstnProviderClient calls;
  pstn::PstnAudioProviderClient audio;
  pstn::PstnTrunkProviderClient trunks;

 private:
  void note(std::string text) {
    const std::lock_guard lock(mutex_);
    notes_.push_back(std::move(text));
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> notes_;
  std::string incoming_leg_;
  std::string why_;
  Properties headers_;
  Bytes frame_;
};

class PstnSip : public ::testing::Test {
 protected:
  static json trunk(const char* host, int port, json more = json::object()) {
    json out = {{"host", host}, {"address", "127.0.0.1"}, {"port", port}};
    out.update(more);
    return out;
  }
  void open(const json& more = json::object(), const json& near = json::object(), const json& far = json::object()) {
    json a = near, b = far;
    a["trunks"] = json::array({trunk("far.test", far_.port, more)});
    b["trunks"] = json::array({trunk("near.test", near_.port, more)});
    near_.open(host_, a);
    far_.open(host_, b);
  }
  void talk() {
    near_.dial();
    ASSERT_TRUE(far_.told_begin("incoming"));
    far_.calls.answer_sync(far_.incoming_leg());
    ASSERT_TRUE(near_.told("answered"));
    ASSERT_TRUE(far_.told("answered"));
  }
  void both_hear() {
    pstn::LegFlow flow;
    flow.tapped = true;
    near_.audio.set_flow_sync("leg", flow);
    far_.audio.set_flow_sync(far_.incoming_leg(), flow);
    near_.audio.play_sync("leg", 1, tone_bytes(1000, 10000));
    far_.audio.play_sync(far_.incoming_leg(), 1, tone_bytes(700, 10000));
    EXPECT_TRUE(far_.hears(1000));
    EXPECT_TRUE(near_.hears(700));
  }

  Host host_;
  Agent near_, far_;
};

}  // namespace trunkline::testing
