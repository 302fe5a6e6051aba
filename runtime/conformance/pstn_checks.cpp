// What a telephone provider promises: see PstnProvider in bindings/idl/pstn.tsp.
#include <algorithm>

#include "runtime/conformance/declared_errors.h"
#include "runtime/conformance/pstn_client.h"

namespace trunkline::conformance {

std::string new_leg_id() {
  static std::atomic<std::uint64_t> last{0};
  return "kit-" + std::to_string(last.fetch_add(1) + 1);
}

pstn::DialRequest dial_request(const PstnSample& sample) {
  pstn::DialRequest request;
  request.leg_id = new_leg_id();
  request.from = sample.from;
  request.to = sample.to;
  return request;
}

Result<void> Phone::dial(pstn::DialRequest request) {
  CallOptions options;
  options.resource = "kit";
  return call<void>(kit_, "dial",
                    [&](auto done) { client_.start_dial(std::move(request), std::move(options), std::move(done)); });
}
Result<void> Phone::answer(const std::string& leg) {
  return call<void>(kit_, "answer", [&](auto done) { client_.start_answer(leg, {}, std::move(done)); });
}
Result<void> Phone::hang_up(const std::string& leg, std::int32_t cause) {
  return call<void>(kit_, "hang_up", [&](auto done) { client_.start_hang_up(leg, cause, {}, std::move(done)); });
}
Result<void> Phone::send_dtmf(const std::string& leg, const std::string& digits) {
  return call<void>(kit_, "send_dtmf", [&](auto done) { client_.start_send_dtmf(leg, digits, {}, std::move(done)); });
}

std::string Phone::dialed_leg() {
  if (!kit_.input.quirks.pstn.answers) kit_.skip("the quirks' \"pstn\" say that nobody answers");
  pstn::DialRequest request = dial_request(kit_.input.quirks.pstn);
  const std::string leg = request.leg_id;
  value_of(dial(std::move(request)), "dial");
  return leg;
}

std::string Phone::answered_leg() {
  const std::string leg = dialed_leg();
  const auto answered = [&] {
    const auto all = changes(leg);
    return std::any_of(all.begin(), all.end(),
                       [](const auto& one) { return one.state() && *one.state() == pstn::LegState::kAnswered; });
  };
  kit_.host.wait([&] { return answered() || has_ended(leg); });
  kit_.require(answered(), "nobody answered at " + kit_.input.quirks.pstn.to +
                               ": name a number where somebody does in the quirks' \"pstn\", or say \"answers\": false");
  return leg;
}

void Phone::await_end(const std::string& leg) {
  if (!kit_.host.wait([&] { return has_ended(leg); })) kit_.fail("the end of a leg was not told");
  kit_.host.let_pass(std::chrono::minutes(1));
  check_history(leg);
}

std::vector<pstn::LegChange> Phone::changes(const std::string& leg) const {
  std::vector<pstn::LegChange> out;
  for (LegEvent& event : subject_.sink->leg_events())
    if (event.leg_id == leg) out.push_back(std::move(event.change));
  return out;
}

bool Phone::has_ended(const std::string& leg) const {
  const auto all = changes(leg);
  return std::any_of(all.begin(), all.end(), [](const auto& one) { return one.ended() != nullptr; });
}

void Phone::check_history(const std::string& leg) const {
  pstn::LegState state = pstn::LegState::kUnknown;
  bool ended = false;
  for (const pstn::LegChange& change : changes(leg)) {
    CheckContext::require(!ended,
                          change.ended() ? "the end of a leg was told twice" : "something was told of a leg after its end");
    ended = change.ended() != nullptr;
    if (const pstn::LegState* now = change.state()) {
      CheckContext::require(*now >= state, "a leg went back from state " + std::to_string(static_cast<int>(state)) + " to " +
                                               std::to_string(static_cast<int>(*now)));
      CheckContext::require(*now != pstn::LegState::kEnded,
                            "the end of a leg was told as a state, wanted \"ended\" with its cause");
      state = *now;
    }
    if (change.dtmf())
      CheckContext::require(state == pstn::LegState::kAnswered, "digits were told of a leg that nobody has answered");
  }
}

namespace {

void life_of_a_leg(CheckContext& kit) {
  Phone phone(kit);
  const std::string leg = phone.answered_leg();
  value_of(phone.send_dtmf(leg, "0123456789ABCD*#"), "send_dtmf");
  value_of(phone.hang_up(leg), "hang_up");
  phone.await_end(leg);
  for (const LegEvent& event : phone.subject().sink->leg_events())
    kit.require(event.leg_id == leg, "an event names the leg \"" + event.leg_id + "\", which was never dialed");
  phone.close();
}

void hang_up_before_answer(CheckContext& kit) {
  Phone phone(kit);
  const std::string leg = phone.dialed_leg();
  value_of(phone.hang_up(leg), "hang_up before somebody answered");
  phone.await_end(leg);
  phone.close();
}

// Both sides may end a call at the same time: the second one finds it ended, and its end is told once.
void hang_up_twice(CheckContext& kit) {
  Phone phone(kit);
  const std::string leg = phone.answered_leg();
  value_of(phone.hang_up(leg), "hang_up");
  const auto again = phone.hang_up(leg);
  if (!again.ok()) require_not_found(again, "hang_up of a leg that ends");
  phone.await_end(leg);
  require_not_found(phone.hang_up(leg), "hang_up of a leg that has ended");
  require_not_found(phone.send_dtmf(leg, "1"), "send_dtmf to a leg that has ended");
  phone.close();
}

void leg_not_found(CheckContext& kit) {
  Phone phone(kit);
  for (const std::string& leg : {std::string("no-such-leg"), std::string(), std::string("a\0b", 3)}) {
    require_not_found(phone.answer(leg), "answer of a leg that there is not");
    require_not_found(phone.hang_up(leg), "hang_up of a leg that there is not");
    require_not_found(phone.send_dtmf(leg, "1"), "send_dtmf to a leg that there is not");
  }
  phone.close();
}

// A leg id is whatever the host likes, and comes back whole.
void leg_nul_in_id(CheckContext& kit) {
  if (!kit.input.quirks.pstn.answers) kit.skip("the quirks' \"pstn\" say that nobody answers");
  Phone phone(kit);
  pstn::DialRequest request = dial_request(kit.input.quirks.pstn);
  request.leg_id += std::string("\0id", 3);
  const std::string leg = request.leg_id;
  const auto dialed = phone.dial(std::move(request));
  if (dialed.ok()) {
    kit.host.wait([&] { return !phone.subject().sink->leg_events().empty(); });
    kit.host.let_pass(std::chrono::seconds(1));
    for (const LegEvent& event : phone.subject().sink->leg_events())
      kit.require(event.leg_id == leg, "a leg id with a NUL is taken for its beginning");
    value_of(phone.hang_up(leg), "hang_up");
    phone.await_end(leg);
  } else {
    require_code(dialed.error(), ErrorCode::kInvalidArgument);
  }
  phone.close();
}

void unknown_cause(CheckContext& kit) {
  Phone phone(kit);
  for (const std::int32_t cause : {9999, 0, -1}) {
    const std::string leg = phone.answered_leg();
    const auto ended = phone.hang_up(leg, cause);
    if (!ended.ok()) {
      require_code(ended.error(), ErrorCode::kInvalidArgument);
      value_of(phone.hang_up(leg), "hang_up");
    }
    phone.await_end(leg);
  }
  phone.close();
}

struct OddCall {
  const char* name;
  void (*alter)(pstn::DialRequest& request);
};
constexpr OddCall kOddCalls[] = {
    {"nul_in_number", [](pstn::DialRequest& r) { r.to.insert(r.to.size() / 2, 1, '\0'); }},
    {"no_number", [](pstn::DialRequest& r) { r.to = "nobody"; }},
    {"malformed_utf8",
     [](pstn::DialRequest& r) {
       r.display_name = "a\xff\xc3";
       r.headers.emplace();
       (*r.headers)["X-\xff"] = "\xc3";
     }},
    {"line_breaks",
     [](pstn::DialRequest& r) {
       r.display_name = "a\r\nVia: x\"<>";
       r.from += "\r\nX: y";
       r.headers.emplace();
       (*r.headers)["X-Kit"] = "a\r\n\r\nb";
       (*r.headers)["X\r\nY"] = "z";
     }},
    {"huge_headers",
     [](pstn::DialRequest& r) {
       r.headers.emplace();
       for (int i = 0; i < 200; ++i) (*r.headers)["X-Kit-" + std::to_string(i)] = std::string(2000, 'x');
     }},
    {"no_time_to_ring", [](pstn::DialRequest& r) { r.ring_timeout = Duration{0}; }},
    {"negative_time_to_ring", [](pstn::DialRequest& r) { r.ring_timeout = -std::chrono::seconds(1); }},
    {"unknown_trunk",
     [](pstn::DialRequest& r) {
       r.trunks.emplace().emplace_back().host = std::string("no\0where", 8);
       r.trunks->front().port = -1;
     }},
    {"no_trunk", [](pstn::DialRequest& r) { r.trunks.emplace(); }},
};

// A leg, whose end is told sooner or later, or an error that says what is wrong.
void odd_call(CheckContext& kit, const OddCall& odd) {
  Phone phone(kit);
  pstn::DialRequest request = dial_request(kit.input.quirks.pstn);
  odd.alter(request);
  const std::string leg = request.leg_id;
  const auto dialed = phone.dial(std::move(request));
  if (!dialed.ok()) {
    require_meaning(kit, dialed.error());
    kit.require(phone.changes(leg).empty(), "dial failed, but something was told of the leg");
  } else {
    kit.host.let_pass(std::chrono::seconds(1));
    const auto ended = phone.hang_up(leg);
    if (!ended.ok()) require_not_found(ended, "hang_up");
    phone.await_end(leg);
  }
  phone.close();
}

void odd_digits(CheckContext& kit) {
  Phone phone(kit);
  const std::string leg = phone.answered_leg();
  for (const std::string& digits : {std::string(),
                                    std::string("1\0"
                                                "2",
                                                3),
                                    std::string("x\xff"), std::string(10'000, '5')}) {
    const auto sent = phone.send_dtmf(leg, digits);
    if (!sent.ok()) require_meaning(kit, sent.error());
  }
  value_of(phone.hang_up(leg), "hang_up");
  phone.await_end(leg);
  phone.close();
}

// Two calls at once do not hear of each other.
void two_legs(CheckContext& kit) {
  Phone phone(kit);
  const std::string first = phone.answered_leg(), second = phone.answered_leg();
  value_of(phone.hang_up(first), "hang_up");
  phone.await_end(first);
  kit.require(!phone.has_ended(second), "a leg ended when another one was hung up");
  value_of(phone.hang_up(second), "hang_up of a leg beside one that has ended");
  phone.await_end(second);
  phone.close();
}

// A host that cannot take an event: the leg goes on, and ends.
void refused_events(CheckContext& kit) {
  Phone phone(kit);
  phone.subject().sink->refuse(1);
  const std::string leg = phone.dialed_leg();
  kit.host.wait([&] { return phone.subject().sink->events() > 0; });
  kit.host.let_pass(std::chrono::minutes(1));
  phone.subject().sink->refuse(0);
  const auto ended = phone.hang_up(leg);
  if (!ended.ok()) require_not_found(ended, "hang_up");
  if (!phone.has_ended(leg) && ended.ok()) phone.await_end(leg);
  phone.close();
}

void stop_with_legs(CheckContext& kit) {
  Phone phone(kit);
  const std::string up = phone.answered_leg(), ringing = phone.dialed_leg();
  phone.close();
  phone.subject().sink->close();
  kit.host.let_pass(kit.input.quirks.clock_limit);
  kit.require(phone.subject().sink->events_after_close() == 0, "something was told of a leg after stop had completed");
  phone.check_history(up);
  phone.check_history(ringing);
}

constexpr DeclaredError kPstnErrors[] = {{ErrorCode::kInvalidArgument, 0}, {ErrorCode::kUnavailable, 503}};

void dial_error(CheckContext& kit, const DeclaredError& wanted) {
  Phone phone(kit);
  const PstnSample& sample = kit.input.quirks.pstn;
  std::optional<HttpRule> answer;
  const ErrorRecipe* told = provocation(
      kit, "pstn.dial", wanted, [&] { phone.dial(dial_request(sample)); }, answer);
  pstn::DialRequest request = dial_request(told && told->pstn ? *told->pstn : sample);
  if (!told && wanted.status == 0) request.to = request.from = "";
  kit.host.http.answer_all(answer);
  const auto result = phone.dial(request);
  kit.host.http.answer_all({});
  kit.require(!result.ok(), "wanted " + error_name(wanted.code) + ", but the leg was set up");
  require_code(result.error(), wanted.code);
  kit.host.let_pass(std::chrono::minutes(1));
  kit.require(phone.changes(request.leg_id).empty(), "dial failed, but something was told of the leg");
  phone.close();
}

}  // namespace

std::vector<Check> pstn_checks(NormalCall& normal) {
  normal = [](CheckContext& kit, plugin::PluginInstance& instance, int, CallOptions options, Settled done) {
    pstn::PstnProviderClient(instance.interface(pstn::PstnProviderClient::kInterfaceId), instance.calls())
        .start_dial(dial_request(kit.input.quirks.pstn), std::move(options), settle(std::move(done)));
  };
  std::vector<Check> all{{"pstn.life_of_a_leg", life_of_a_leg},
                         {"pstn.hang_up_before_answer", hang_up_before_answer},
                         {"pstn.hang_up_twice", hang_up_twice},
                         {"pstn.not_found", leg_not_found},
                         {"pstn.two_legs", two_legs},
                         {"pstn.unknown_enum", unknown_cause},
                         {"pstn.events.refused", refused_events},
                         {"pstn.stop_with_legs", stop_with_legs},
                         {"pstn.send_dtmf.odd_digits", odd_digits},
                         {"pstn.dial.nul_in_id", leg_nul_in_id}};
  for (const OddCall& odd : kOddCalls)
    all.push_back({std::string("pstn.dial.") + odd.name, [&odd](CheckContext& kit) { odd_call(kit, odd); }});
  for (const DeclaredError& error : kPstnErrors)
    all.push_back({"pstn.dial.error." + error_name(error.code), [&error](CheckContext& kit) { dial_error(kit, error); }});
  return all;
}

}  // namespace trunkline::conformance
