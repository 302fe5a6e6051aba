// Legs of phones and browsers behind providers: what we ask of them.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/function.h"
#include "runtime/calls/sound.h"
#include "runtime/providers/provider.h"
#include "runtime/services/context.h"
#include "trunkline/pstn.hpp"
#include "trunkline/task.hpp"

namespace trunkline::calls {

/// What is asked of one leg reaches its provider in order, one thing at a time, on the executor's threads; nothing here waits or
/// calls back from inside. [any-thread]
class PhoneLegs {
 public:
  /// The provider could not set a leg up; called on a thread of the executor.
  using OnFailed = std::function<void(const std::string& leg_id, const Error& error)>;
  /// In the headers of a call that a phone asked for: that phone's leg. Its own provider alone is told.
  static constexpr std::string_view kReferredLeg = "X-Trunkline-Referred-Leg";

  PhoneLegs(ServiceContext& context, OnFailed on_failed) : context_(context), on_failed_(std::move(on_failed)) {}

  /// A provider sets up calls to numbers elsewhere.
  bool available() const;
  /// With trunks, the first provider that has trunks gets the leg, else the first that calls numbers.
  void dial(const std::string& resource, pstn::DialRequest request);
  /// A provider rings users, wherever they have a page open.
  bool rings_users() const;
  /// The first of those gets the leg; `to` is a raw id.
  void dial_user(const std::string& resource, pstn::DialRequest request);
  /// A leg that a provider has begun. False: there is no such provider.
  bool adopt(const std::string& leg_id, std::string_view provider, const std::string& resource);
  void answer(const std::string& leg_id);
  void hang_up(const std::string& leg_id, std::int32_t cause);
  void send_tones(const std::string& leg_id, std::string digits);
  /// Its provider can ask the far end to call somebody else (trunkline.pstn.trunks/1), and be asked.
  bool transfers(std::string_view leg_id);
  /// `refused`: it does not; called on a thread of the executor.
  void transfer(const std::string& leg_id, std::string to, std::function<void(const Error&)> refused);
  void transfer_progress(const std::string& leg_id, std::int32_t status);
  /// The provider that carries the leg's sound; empty: it carries none.
  std::string audio_provider(std::string_view leg_id);
  /// Of such a leg, as in the interface.
  void join_bridge(const std::string& leg_id, std::string bridge);
  void set_flow(const std::string& leg_id, pstn::LegFlow flow);
  void play(const std::string& leg_id, std::int64_t play_id, const Sound& sound);
  void stop_play(const std::string& leg_id, std::int64_t play_id);
  /// A provider sends calls over trunks: routes to them count. `first`: every call goes to it unless a route says otherwise.
  struct Trunks {
    bool available = false;
    bool first = false;
  };
  Trunks trunks() const;
  /// Only virtual phones want to know what is played to them.
  void prompt(const std::string& leg_id, std::string text, Duration lasts);
  /// It has ended.
  void forget(const std::string& leg_id);

 private:
  using Command = UniqueFunction<Task<void>(const Provider&, CallOptions)>;
  struct Line {
    ProviderPtr provider;
    std::string resource;
    std::deque<Command> commands;
    bool running = false;
    bool over = false;
  };
  void dial(const std::string& resource, pstn::DialRequest request, ProviderPtr provider);
  /// Those that call numbers, or those that ring users.
  std::vector<ProviderPtr> carriers(bool of_users) const;
  void ask(const std::string& leg_id, Command command);
  Task<void> run(std::string leg_id);

  ServiceContext& context_;
  const OnFailed on_failed_;
  std::mutex mutex_;
  std::map<std::string, Line, std::less<>> lines_;
};

}  // namespace trunkline::calls
