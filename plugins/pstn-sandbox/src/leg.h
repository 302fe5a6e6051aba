// One call of a virtual phone.
#pragma once
#include <deque>
#include <memory>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "settings.h"
#include "trunkline/pstn.hpp"
#include "trunkline/pstnsandbox.hpp"

namespace pstn_sandbox {

/// Guarded by the exchange's mutex, but for what is const.
struct Leg {
  struct Words {
    std::string text;
    Duration lasts{};
  };
  /// What the host is told.
  using News = std::variant<trunkline::pstn::LegChange, Words>;

  Leg(std::string id, std::string owner, Persona who) : resource(std::move(owner)), persona(std::move(who)) {
    view.leg_id = std::move(id);
    used.resize(persona.replies ? persona.replies->size() : 0);
  }
  bool answered() const { return view.state == trunkline::pstn::LegState::kAnswered; }
  bool ended() const { return view.state == trunkline::pstn::LegState::kEnded; }

  const std::string resource;
  const Persona persona;
  trunkline::pstnsandbox::PhoneCall view;
  std::vector<bool> used;  // replies of the persona
  std::deque<News> news;   // in the order in which it happened
  bool telling = false;    // somebody hands the news to the host
  std::stop_source stop;   // of its timers
};
using LegPtr = std::shared_ptr<Leg>;

}  // namespace pstn_sandbox
