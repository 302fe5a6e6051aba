#include "runtime/connectors/trigger_functions.h"

#include <cmath>

namespace trunkline::connectors {
namespace {

using expression::Value;
using flows::ActionAnswer;

constexpr double kMaxRetryAfter_s = 366 * 86'400.0;

ActionAnswer not_understood(std::string what) {
  return ActionAnswer::failed("BadGateway", "FunctionAnswerInvalid",
                              "A function that a trigger asks returns nothing, or an object with 'body', 'cursor' and "
                              "'retryAfter'; " +
                                  std::move(what));
}

ActionAnswer of_poll(ActionAnswer answer, Value cursor) {
  Value given = answer.outputs.contains("body") ? std::move(answer.outputs["body"]) : Value();
  answer.outputs.erase("body");
  answer.outputs["statusCode"] = 202;
  answer.code = "Accepted";
  answer.cursor = std::move(cursor);
  if (given.is_null()) return answer;
  if (!given.is_object()) return not_understood("it is of type '" + std::string(expression::kind_name(given)) + "'.");
  for (const auto& member : given.items()) {
    Value& value = member.value();
    if (member.key() == "cursor") {
      answer.cursor = std::move(value);
    } else if (member.key() == "retryAfter") {
      const double seconds = value.is_number() ? value.get<double>() : -1;
      if (!(seconds >= 0 && seconds <= kMaxRetryAfter_s)) return not_understood("'retryAfter' is no number of seconds.");
      answer.retry_after = Duration{static_cast<std::int64_t>(std::llround(seconds * 1e9))};
    } else if (member.key() == "body") {
      if (value.is_null()) continue;
      answer.outputs["statusCode"] = 200;
      answer.outputs["body"] = std::move(value);
      answer.code = "OK";
    } else {
      return not_understood("there is no '" + member.key().substr(0, 80) + "'.");
    }
  }
  return answer;
}

}  // namespace

Value trigger_member(const flows::ActionCall& call) {
  Value out{{"operation", std::string(call.trigger_operation)}};
  if (!call.cursor.is_null()) out[call.trigger_operation == "unsubscribe" ? "subscription" : "cursor"] = call.cursor;
  return out;
}

UniqueFunction<void(ActionAnswer)> answers_of_trigger(const flows::ActionCall& call, UniqueFunction<void(ActionAnswer)> done) {
  const bool asks = call.trigger_operation == "poll" || call.trigger_operation == "fetch";
  return [asks, cursor = call.cursor, done = std::move(done)](ActionAnswer answer) mutable {
    if (answer.status == workflow::Status::kSucceeded) {
      if (asks)
        answer = of_poll(std::move(answer), std::move(cursor));
      else if (answer.outputs.contains("body"))
        answer.cursor = answer.outputs["body"];
    }
    done(std::move(answer));
  };
}

}  // namespace trunkline::connectors
