#include "exchange.h"

#include <algorithm>
#include <cctype>

namespace pstn_sandbox {

using trunkline::CallOptions;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::host::LogLevel;
using trunkline::pstn::DialRequest;
using trunkline::pstn::DtmfInput;
using trunkline::pstn::HangupCause;
using trunkline::pstn::LegChange;
using trunkline::pstn::LegState;
using trunkline::pstnsandbox::PersonaBehavior;
using trunkline::pstnsandbox::PhoneCall;
using trunkline::pstnsandbox::PromptReply;

namespace {

// Q.850
constexpr std::int32_t kNormal = 16;
constexpr std::int32_t kBusy = 17;
constexpr std::int32_t kNoAnswer = 19;
constexpr std::int32_t kAbsent = 20;
constexpr std::int32_t kRejected = 21;
constexpr std::int32_t kTemporary = 41;

constexpr Duration kMailboxListens = std::chrono::seconds{30};
constexpr const char* kGreeting = "Please leave a message after the tone";

bool contains(std::string_view text, std::string_view part) {
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  };
  return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end();
}

std::string hex(std::uint64_t value) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text;
  do text.insert(text.begin(), kDigits[value & 15]);
  while ((value >>= 4) != 0);
  return text;
}

}  // namespace

Exchange::Exchange(trunkline::Host host, std::string_view config_json)
    : settings_(parse_settings(config_json)),
      clock_(host.clock()),
      log_(host.log()),
      events_(host.pstn_events()),
      words_(host.get<trunkline::pstnsandbox::PstnSandboxEventsClient>()),
      // Leg ids must differ from those of an earlier process; with a virtual clock, they are still the same in every run.
      id_prefix_("phone-" + hex(static_cast<std::uint64_t>(clock_.now().time_since_epoch().count() / 1000)) + "-"),
      timers_(clock_) {}

trunkline::Task<void> Exchange::stop() {
  std::map<std::string, LegPtr, std::less<>> legs;
  {
    const std::lock_guard lock(mutex_);
    legs.swap(legs_);
  }
  for (const auto& [id, leg] : legs) leg->stop.request_stop();
  return timers_.stop();
}

// --- trunkline.pstn/1 -------------------------------------------------------------------------------------------------------

trunkline::Task<void> Exchange::dial(Call call, DialRequest request) {
  if (request.leg_id.empty()) throw Error(ErrorCode::kInvalidArgument, "legId: found nothing, wanted an id", "legId");
  if (!is_e164(request.to) && !request.to.starts_with("sip:") && !request.to.starts_with("sips:"))
    throw Error(ErrorCode::kInvalidArgument, "to: found \"" + request.to + "\", wanted a number in E.164 or a SIP URI", "to");
  const LegPtr leg = add_leg(std::move(request.leg_id), std::string(call.resource()), request.to, request.from, false);
  if (!leg) throw Error(ErrorCode::kInvalidArgument, "legId: there is a call with this id already", "legId");
  ring(leg, request.ring_timeout);
  co_return;
}

trunkline::Task<void> Exchange::answer(Call, std::string leg_id) {
  const LegPtr leg = find(leg_id, false);
  picked_up(leg);
  co_return;
}

trunkline::Task<void> Exchange::hang_up(Call, std::string leg_id, std::int32_t cause) {
  const LegPtr leg = find(leg_id, false);
  end(leg, cause, std::nullopt, "the other side hung up");
  co_return;
}

trunkline::Task<void> Exchange::send_dtmf(Call, std::string leg_id, std::string digits) {
  const LegPtr leg = find(leg_id, true);
  const std::lock_guard lock(mutex_);
  leg->view.heard += digits;
  co_return;
}

// --- trunkline.pstn_sandbox/1 -----------------------------------------------------------------------------------------------

trunkline::Task<void> Exchange::add_persona(Call call, Persona persona) {
  check_persona(persona, "persona.");
  const std::lock_guard lock(mutex_);
  std::deque<Persona>& added = worlds_[std::string(call.resource())].added;
  added.push_front(std::move(persona));
  if (added.size() > kMaxPersonas) added.pop_back();
  co_return;
}

trunkline::Task<std::vector<Persona>> Exchange::personas(Call call) {
  const std::lock_guard lock(mutex_);
  const World& world = worlds_[std::string(call.resource())];
  std::vector<Persona> all(world.added.begin(), world.added.end());
  all.insert(all.end(), settings_.personas.begin(), settings_.personas.end());
  co_return all;
}

trunkline::Task<std::string> Exchange::call_from_phone(Call call, std::string from, std::string to) {
  if (!is_e164(from)) throw Error(ErrorCode::kInvalidArgument, "from: found \"" + from + "\", wanted a number in E.164", "from");
  if (to.empty()) throw Error(ErrorCode::kInvalidArgument, "to: found nothing, wanted a number of a resource", "to");
  std::string id;
  {
    const std::lock_guard lock(mutex_);
    id = id_prefix_ + hex(++last_id_);
  }
  const LegPtr leg = add_leg(id, std::string(call.resource()), from, to, true);
  {
    const std::lock_guard lock(mutex_);
    leg->view.state = LegState::kRinging;
  }
  std::optional<Error> trouble;
  try {
    CallOptions options = call.forward();
    trunkline::Properties headers;
    co_await events_.incoming(id, std::move(from), std::move(to), std::move(headers), std::move(options));
  } catch (...) {
    trouble = trunkline::current_error();
  }
  if (trouble) {
    end(leg, kTemporary, std::nullopt, "the host did not take the call");
    throw Error(ErrorCode::kNotFound, "to: the host did not take the call: " + trouble->message, "to");
  }
  co_return id;
}

trunkline::Task<void> Exchange::press_digits(Call, std::string leg_id, std::string digits) {
  check_digits(digits, "digits");
  const LegPtr leg = find(leg_id, true);
  press(leg, digits);
  co_return;
}

trunkline::Task<void> Exchange::hang_up_phone(Call, std::string leg_id) {
  const LegPtr leg = find(leg_id, false);
  end(leg, kNormal, std::nullopt, "the phone hung up");
  co_return;
}

trunkline::Task<std::vector<PhoneCall>> Exchange::calls(Call call, std::optional<std::string> phone) {
  std::vector<PhoneCall> found;
  const std::lock_guard lock(mutex_);
  for (const LegPtr& leg : worlds_[std::string(call.resource())].legs)
    if (!phone || leg->view.phone == *phone) found.push_back(leg->view);
  co_return found;
}

trunkline::Task<void> Exchange::reset(Call call) {
  std::deque<LegPtr> legs;
  {
    const std::lock_guard lock(mutex_);
    World& world = worlds_[std::string(call.resource())];
    world.added.clear();
    legs.swap(world.legs);
  }
  for (const LegPtr& leg : legs) end(leg, kNormal, std::nullopt, "the sandbox was reset");
  co_return;
}

trunkline::Task<void> Exchange::speak(Call, std::string leg_id, std::string text) {
  check_speech(text, "text");
  const LegPtr leg = find(leg_id, true);
  say(leg, text);
  co_return;
}

trunkline::Task<void> Exchange::prompt(Call, std::string leg_id, std::string text, Duration lasts) {
  const LegPtr leg = find(leg_id, true);
  std::optional<Act> reply;
  {
    const std::lock_guard lock(mutex_);
    leg->view.prompts.push_back(text);
    for (std::size_t i = 0; i < leg->used.size() && !reply; ++i) {
      const PromptReply& one = (*leg->persona.replies)[i];
      if (leg->used[i] || (one.prompt && !contains(text, *one.prompt))) continue;
      leg->used[i] = true;
      reply.emplace();
      reply->after = one.after + (one.barge_in ? Duration{0} : lasts);
      reply->says = one.says;
      reply->digits = one.digits;
    }
  }
  if (reply) act(leg, std::move(*reply));
  co_return;
}

// --- what phones do ---------------------------------------------------------------------------------------------------------

Persona Exchange::persona_of(World& world, std::string_view number) const {
  const auto fits = [&](const Persona& persona) { return persona.match == "*" || number.starts_with(persona.match); };
  if (const auto own = std::find_if(world.added.begin(), world.added.end(), fits); own != world.added.end()) return *own;
  // The last one fits every number.
  return *std::find_if(settings_.personas.begin(), settings_.personas.end(), fits);
}

LegPtr Exchange::add_leg(std::string id, std::string resource, const std::string& phone, const std::string& other,
                         bool outbound) {
  const std::lock_guard lock(mutex_);
  if (legs_.contains(id)) return nullptr;
  World& world = worlds_[resource];
  auto leg = std::make_shared<Leg>(id, resource, persona_of(world, phone));
  leg->view.phone = phone;
  leg->view.other = other;
  leg->view.outbound = outbound;
  leg->view.state = LegState::kDialing;
  leg->view.started_at = clock_.now();
  world.legs.push_back(leg);
  if (world.legs.size() > kMaxCalls) {
    // The oldest that is over; with a thousand calls under way, just the oldest.
    const auto over = std::find_if(world.legs.begin(), world.legs.end(), [](const LegPtr& one) { return one->ended(); });
    world.legs.erase(over == world.legs.end() ? world.legs.begin() : over);
  }
  legs_.emplace(std::move(id), leg);
  return leg;
}

LegPtr Exchange::find(std::string_view leg_id, bool answered) {
  const std::lock_guard lock(mutex_);
  const auto found = legs_.find(leg_id);
  if (found == legs_.end() || (answered && !found->second->answered()))
    throw Error(ErrorCode::kNotFound,
                "there is no " + std::string(answered ? "answered " : "") + "call '" + std::string(leg_id.substr(0, 80)) + "'",
                "legId");
  return found->second;
}

void Exchange::ring(const LegPtr& leg, Duration ring_timeout) {
  const PersonaBehavior behavior = leg->persona.behavior;
  const Duration after = leg->persona.after;
  switch (behavior) {
    case PersonaBehavior::kBusy:
      return later(leg, after, [this, leg] { end(leg, kBusy, 486, "busy"); });
    case PersonaBehavior::kUnreachable:
      return later(leg, after, [this, leg] { end(leg, kAbsent, 480, "cannot be reached"); });
    default:
      break;
  }
  // The host hears of nothing before dial() has completed.
  later(leg, Duration{0}, [this, leg] { change_state(leg, LegState::kRinging); });
  const bool gives_up = behavior == PersonaBehavior::kNoAnswer || after > ring_timeout;
  if (gives_up) return later(leg, ring_timeout, [this, leg] { end(leg, kNoAnswer, 480, "no answer"); });
  if (behavior == PersonaBehavior::kReject) return later(leg, after, [this, leg] { end(leg, kRejected, 603, "rejected"); });
  later(leg, after, [this, leg] { picked_up(leg); });
}

void Exchange::picked_up(const LegPtr& leg) {
  {
    const std::lock_guard lock(mutex_);
    if (leg->ended() || leg->answered()) return;
  }
  change_state(leg, LegState::kAnswered);
  const Persona& persona = leg->persona;
  const bool mailbox = persona.behavior == PersonaBehavior::kVoicemail;
  Act words;
  words.after = persona.says_after;
  words.says = persona.says;
  if (mailbox && !words.says) words.says = kGreeting;
  if (words.says) act(leg, std::move(words));
  if (persona.digits) {
    Act digits;
    digits.after = persona.digits_after;
    digits.digits = persona.digits;
    act(leg, std::move(digits));
  }
  std::optional<Duration> hang_up = persona.hang_up_after;
  if (mailbox && !hang_up) hang_up = kMailboxListens;
  if (hang_up) later(leg, *hang_up, [this, leg] { end(leg, kNormal, std::nullopt, "the phone hung up"); });
  if (persona.drop_after) later(leg, *persona.drop_after, [this, leg] { end(leg, kTemporary, std::nullopt, "the line broke"); });
}

void Exchange::act(const LegPtr& leg, Act what) {
  if (what.says) {
    later(leg, what.after, [this, leg, text = *what.says] { say(leg, text); });
    what.after += length_of(*what.says, settings_.word);
  }
  if (!what.digits) return;
  for (std::size_t i = 0; i < what.digits->size(); ++i)
    later(leg, what.after + leg->persona.digit_interval * static_cast<std::int64_t>(i),
          [this, leg, digit = std::string(1, (*what.digits)[i])] { press(leg, digit); });
}

void Exchange::later(const LegPtr& leg, Duration delay, std::function<void()> fn) {
  timers_.after(delay, leg->stop.get_token(), std::move(fn));
}

void Exchange::press(const LegPtr& leg, const std::string& digits) {
  {
    const std::lock_guard lock(mutex_);
    if (!leg->answered()) return;
    DtmfInput input;
    input.digits = digits;
    leg->news.emplace_back(LegChange::of_dtmf(std::move(input)));
  }
  tell(leg);
}

void Exchange::say(const LegPtr& leg, const std::string& text) {
  {
    const std::lock_guard lock(mutex_);
    if (!leg->answered()) return;
    leg->view.said.push_back(text);
    Leg::Words words;
    words.text = text;
    words.lasts = length_of(text, settings_.word);
    leg->news.emplace_back(std::move(words));
  }
  tell(leg);
}

void Exchange::change_state(const LegPtr& leg, LegState state) {
  {
    const std::lock_guard lock(mutex_);
    if (leg->ended()) return;
    leg->view.state = state;
    leg->news.emplace_back(LegChange::of_state(state));
  }
  tell(leg);
}

void Exchange::end(const LegPtr& leg, std::int32_t q850, std::optional<std::int32_t> sip_status, const char* text) {
  {
    const std::lock_guard lock(mutex_);
    if (leg->ended()) return;
    leg->view.state = LegState::kEnded;
    leg->view.cause = q850;
    HangupCause cause;
    cause.q850 = q850;
    cause.sip_status = sip_status;
    cause.text = text;
    leg->news.emplace_back(LegChange::of_ended(std::move(cause)));
    legs_.erase(leg->view.leg_id);
  }
  tell(leg);
  // Not under the mutex: what sleeps may complete right here.
  leg->stop.request_stop();
}

void Exchange::tell(const LegPtr& leg) {
  {
    const std::lock_guard lock(mutex_);
    if (leg->telling || leg->news.empty()) return;
    leg->telling = true;
  }
  timers_.run(tell_all(leg));
}

trunkline::Task<void> Exchange::tell_all(LegPtr leg) {
  for (;;) {
    Leg::News news;
    {
      const std::lock_guard lock(mutex_);
      if (leg->news.empty()) {
        leg->telling = false;
        co_return;
      }
      news = std::move(leg->news.front());
      leg->news.pop_front();
    }
    std::optional<Error> trouble;
    try {
      CallOptions options;
      options.resource = leg->resource;
      if (auto* change = std::get_if<LegChange>(&news)) {
        co_await events_.changed(leg->view.leg_id, std::move(*change), std::move(options));
      } else {
        Leg::Words& words = std::get<Leg::Words>(news);
        co_await words_.spoke(leg->view.leg_id, std::move(words.text), words.lasts, std::move(options));
      }
    } catch (...) {
      trouble = trunkline::current_error();
    }
    if (trouble)
      log_.write(LogLevel::kWarning, "the host did not take news of a call",
                 trunkline::Properties{{"leg_id", leg->view.leg_id}, {"error", trouble->message}});
  }
}

}  // namespace pstn_sandbox
