// Terminate, Wait and Response, and the beginning of every operation.
#include "runtime/base/time_text.h"
#include "runtime/expression/date_time.h"
#include "runtime/expression/value_object.h"
#include "runtime/workflow/machine.h"
#include "runtime/workflow/shared_value.h"

namespace trunkline::workflow {
namespace {

using expression::Failure;

Failure wrong(std::string message) { return Failure(expression::kInvalidTemplate, std::move(message)); }

const Value* member(const Value& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::optional<Time> after_interval(Time now, std::int64_t count, std::string_view unit) {
  using namespace std::chrono_literals;
  constexpr std::int64_t kMost = 1'000'000'000;  // seconds; no unit makes more sense of more
  if (count < 0 || count > kMost) return std::nullopt;
  const std::pair<std::string_view, Duration> units[] = {
      {"Second", 1s}, {"Minute", 1min}, {"Hour", 1h}, {"Day", 24h}, {"Week", 7 * 24h}};
  for (const auto& [name, length] : units)
    if (iequals(unit, name))
      return count > kMost / std::chrono::duration_cast<std::chrono::seconds>(length).count() * 1'000
                 ? std::nullopt
                 : std::optional<Time>(now + count * length);
  if (!iequals(unit, "Month")) return std::nullopt;
  const auto moved = expression::add_months(expression::from_time(now), count);
  return moved ? expression::to_time(*moved) : std::nullopt;
}

/// What callers do not get, whatever the definition says.
bool is_stripped_header(std::string_view name) {
  constexpr std::string_view kStripped[] = {"Allow", "Cookie", "Expires", "Last-Modified", "Set-Cookie", "Transfer-Encoding"};
  for (const std::string_view one : kStripped)
    if (iequals(one, name)) return true;
  return istarts_with(name, "Content-") && !iequals(name, "Content-Type") && !iequals(name, "Content-Encoding") &&
         !iequals(name, "Content-Disposition");
}

}  // namespace

void Machine::terminate(const Pending& at) {
  Value inputs = at.action.inputs->evaluate(context_, plan().options.evaluate);
  const Value* word = member(inputs, "runStatus");
  const auto status = word != nullptr && word->is_string() ? parse_status(word->get_ref<const std::string&>()) : std::nullopt;
  if (status != Status::kFailed && status != Status::kCancelled && status != Status::kSucceeded)
    throw wrong("The 'runStatus' of a Terminate must be Failed, Cancelled or Succeeded.");
  Event end;
  end.kind = EventKind::kRunEnded;
  end.status = *status;
  if (*status == Status::kFailed) {
    Value error = Value::object();
    const Value* given = member(inputs, "runError");
    const Value* code = given != nullptr ? member(*given, "code") : nullptr;
    const Value* message = given != nullptr ? member(*given, "message") : nullptr;
    error["code"] = code != nullptr ? expression::to_text(*code) : "Terminated";
    error["message"] = message != nullptr ? expression::to_text(*message) : "";
    end.code = error["code"].get<std::string>();
    end.error = share(std::move(error));
  } else {
    end.code = "Terminated";
  }
  succeed(at, share(std::move(inputs)), nullptr);
  end.at = now_;
  append(std::move(end));
  effects_.push_back({Effect::Kind::kEnded});
}

void Machine::wait(const Pending& at) {
  Value inputs = at.action.inputs->evaluate(context_, plan().options.evaluate);
  Event e = event(EventKind::kActionStarted, at);
  if (const Value* interval = member(inputs, "interval")) {
    const Value* count = member(*interval, "count");
    const Value* unit = member(*interval, "unit");
    const auto number = count != nullptr ? whole_number(*count) : std::nullopt;
    if (!number || unit == nullptr || !unit->is_string())
      throw wrong("The 'interval' of a Wait needs a whole 'count' and a 'unit'.");
    e.due = after_interval(e.at, *number, unit->get_ref<const std::string&>());
    if (!e.due) throw wrong("The 'interval' of a Wait must be a positive number of Second, Minute, Hour, Day, Week or Month.");
  } else {
    const Value* until = member(inputs, "until");
    const Value* stamp = until != nullptr ? member(*until, "timestamp") : nullptr;
    const auto parsed =
        stamp != nullptr && stamp->is_string()
            ? expression::parse_date(stamp->get_ref<const std::string&>(), expression::Culture::invariant(), [&] { return e.at; })
            : std::nullopt;
    e.due = parsed ? expression::to_time(*parsed) : std::nullopt;
    if (!e.due) throw wrong("The 'until.timestamp' of a Wait is no date and time.");
  }
  e.inputs = share(std::move(inputs));
  const bool over = *e.due <= e.at;
  append(std::move(e));
  if (over) done(at, Status::kSucceeded, "OK", nullptr, nullptr, nullptr);
}

void Machine::respond(const Pending& at) {
  if (state_.caller() == Caller::kNobody || state_.caller() == Caller::kGone) {
    auto error = share({{"code", "ActionResponseSkipped"},
                        {"message", "The execution of template action '" + at.action.name +
                                        "' is skipped: the client application is not waiting for a response from the service."}});
    done(at, Status::kSkipped, "ActionSkipped", nullptr, nullptr, std::move(error));
    return;
  }
  Value inputs = at.action.inputs->evaluate(context_, plan().options.evaluate);
  const Value* code = member(inputs, "statusCode");
  const std::optional<std::int64_t> status = code == nullptr ? 200 : whole_number(*code);
  if (!status || *status < 200 || *status > 599 || (*status >= 300 && *status < 400))
    throw wrong("The 'statusCode' of a Response must be 2xx, 4xx or 5xx.");
  if (state_.caller() == Caller::kAnswered) {
    fail(at, "BadRequest", "ResponseAlreadySent", "The caller has got a response already; a run gives one.",
         share(std::move(inputs)));
    return;
  }
  Value answer = expression::make_object(3);
  answer["statusCode"] = *status;
  if (const Value* headers = member(inputs, "headers"); headers != nullptr && headers->is_object()) {
    Value kept = Value::object();
    for (const auto& header : headers->items())
      if (!is_stripped_header(header.key()) && !header.value().is_null())
        kept[header.key()] = expression::to_text(header.value());
    answer["headers"] = std::move(kept);
  }
  const bool seen = is_seen(at.action);
  if (const auto content = inputs.find("body"); content != inputs.end()) {
    if (seen)
      answer["body"] = *content;
    else
      answer["body"] = std::move(*content);
  }
  const SharedValue outputs = share(std::move(answer));
  Event responded = event(EventKind::kResponded, at);
  responded.inputs = outputs;
  done(at, Status::kSucceeded, "OK", seen ? share(std::move(inputs)) : nullptr, outputs, nullptr);
  append(std::move(responded));
  effects_.push_back({Effect::Kind::kRespond, at.frame.id, at.action.index, outputs});
}

std::optional<Time> Machine::deadline_of(const Pending& at) {
  if (!at.action.timeout) return std::nullopt;
  const Value value = at.action.timeout->evaluate(context_, plan().options.evaluate);
  const auto length = value.is_string() ? parse_duration(value.get_ref<const std::string&>()) : std::nullopt;
  if (!length) throw wrong("The 'timeout' of the action is no ISO 8601 duration.");
  return environment_.now() + *length;
}

void Machine::begin_operation(const Pending& at) {
  const std::optional<Time> deadline = deadline_of(at);
  Value inputs = at.action.inputs->evaluate(context_, plan().options.evaluate);
  if (at.action.type == ActionType::kJavaScriptCode) inputs["code"] = at.action.raw_inputs;
  Event e = event(EventKind::kActionStarted, at);
  e.due = deadline;
  e.inputs = share(std::move(inputs));
  const FrameId frame = at.frame.id;
  const ActionIndex action = at.action.index;
  append(std::move(e));
  effects_.push_back({Effect::Kind::kStart, frame, action});
}

}  // namespace trunkline::workflow
