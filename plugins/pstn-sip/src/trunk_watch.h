// Whether trunks are there: registrations, OPTIONS, and what a person asks.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sip_thread.h"
#include "sofia.h"
#include "trunk.h"
#include "trunkline/host_client.hpp"
#include "trunkline/pstn.hpp"

namespace pstn_sip {

/// SIP thread alone. Its handles carry numbers from kFirstNumber on.
class TrunkWatch {
 public:
  static constexpr std::uint64_t kFirstNumber = std::uint64_t{1} << 48;
  using Probed = std::function<void(trunkline::pstn::TrunkProbe)>;

  TrunkWatch(const Settings& settings, std::vector<Trunk>& trunks, SipThread& thread, trunkline::host::ClockClient clock,
             trunkline::host::LogClient log)
      : settings_(settings), trunks_(trunks), thread_(thread), clock_(clock), log_(log) {}

  void start(nua_t* nua);
  void stop();
  /// Asks once, and writes down what was said.
  void probe(const Trunk& trunk, Probed done);
  void event(std::uint64_t number, nua_event_t event, int status, const char* phrase, const sip_t* sip);
  /// Our address at the trunk, such as `sip:alice@example.com`.
  std::string own_uri(const Trunk& trunk) const;

 private:
  enum class Use { kRegister, kOptions, kProbe };
  struct Asking {
    Use use = Use::kOptions;
    Trunk* trunk = nullptr;
    nua_handle_t* handle = nullptr;
    bool challenged = false;
    trunkline::Time began;
    trunkline::pstn::TrunkProbe report;
    Probed done;
  };

  Asking& ask(Use use, Trunk& trunk);
  void register_at(Trunk& trunk);
  void send_options(Asking& asking);
  void ask_all();
  void after(trunkline::Duration delay, std::function<void()> fn);
  void step(Asking& asking, bool sent, std::string message);
  bool authenticate(Asking& asking, int status, const sip_t* sip);
  void registered(Asking& asking, int status, const char* phrase);
  void answered(std::uint64_t number, int status, const char* phrase);
  void drop(std::uint64_t number);

  const Settings& settings_;
  std::vector<Trunk>& trunks_;
  SipThread& thread_;
  const trunkline::host::ClockClient clock_;
  const trunkline::host::LogClient log_;
  nua_t* nua_ = nullptr;
  std::stop_source stop_;
  std::map<std::uint64_t, Asking> asking_;
  std::uint64_t last_number_ = kFirstNumber;
};

}  // namespace pstn_sip
