#include "runtime/app/subscription_options.h"

#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "runtime/app/client_command.h"
#include "runtime/base/json.h"
#include "runtime/base/strings.h"

namespace trunkline::app {
namespace {

using nlohmann::json;

Error bad_filter(const std::string& text, const std::string& problem) {
  return {ErrorCode::kInvalidArgument, "--filter: '" + text + "' " + problem, "--filter"};
}

double number_of(const std::string& text, std::string_view value) {
  if (const auto number = parse_number<double>(trim(value))) return *number;
  throw bad_filter(text, "has '" + std::string(value) + "' where a number is wanted");
}

json value_of(const std::string& text, std::string_view op, std::string_view value) {
  if (!istarts_with(op, "Number")) return std::string(trim(value));
  if (ifind(op, "InRange") == std::string_view::npos) return number_of(text, value);
  const auto dots = value.find("..");
  if (dots == std::string_view::npos)
    throw bad_filter(text, "has '" + std::string(value) + "' where a range such as 1..5 is wanted");
  return json::array({number_of(text, value.substr(0, dots)), number_of(text, value.substr(dots + 2))});
}

json read_properties(const std::string& file) {
  std::string text;
  if (file == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    std::ifstream in(file);
    if (!in) throw Error(ErrorCode::kNotFound, "--properties: " + file + " cannot be read", "--properties");
    text.assign(std::istreambuf_iterator<char>(in), {});
  }
  json parsed = parse_json(text);
  // The whole ARM resource will do as well.
  return parsed.is_object() && parsed.contains("properties") ? parsed["properties"] : parsed;
}

void set_number(json& body, const char* member, const char* option, const std::string& text) {
  if (text.empty()) return;
  const auto number = parse_number<std::int64_t>(text);
  if (!number) throw Error(ErrorCode::kInvalidArgument, std::string(option) + ": '" + text + "' is no whole number", option);
  body[member] = *number;
}

}  // namespace

json parse_filter_text(const std::string& text) {
  const auto first = text.find(' ');
  if (first == std::string::npos || first == 0) throw bad_filter(text, "is not 'KEY OPERATOR VALUE,…'");
  const std::string_view rest = trim(std::string_view(text).substr(first));
  const auto second = rest.find(' ');
  const std::string_view op = rest.substr(0, second);
  const std::string_view values = second == std::string_view::npos ? std::string_view{} : trim(rest.substr(second));
  json out;
  out["key"] = text.substr(0, first);
  out["operatorType"] = op;
  const bool comparison = iequals(op, "BoolEquals") || istarts_with(op, "NumberLess") || istarts_with(op, "NumberGreater");
  if (iequals(op, "IsNotNull") || iequals(op, "IsNullOrUndefined")) {
    if (!values.empty()) throw bad_filter(text, "has a value, which " + std::string(op) + " does not take");
    return out;
  }
  if (values.empty()) throw bad_filter(text, "has no value");
  if (iequals(op, "BoolEquals")) {
    if (values != "true" && values != "false") throw bad_filter(text, "is neither true nor false");
    out["value"] = values == "true";
  } else if (comparison) {
    out["value"] = number_of(text, values);
  } else {
    out["values"] = json::array();
    for (const std::string_view value : split(values, ',')) out["values"].push_back(value_of(text, op, value));
  }
  return out;
}

void SubscriptionOptions::add_shape(CLI::App* command) {
  command->add_option("--type", types, "Only events of this type, such as SMSReceived; may be repeated.")
      ->allow_extra_args(false);
  command->add_option("--subject-begins", subject_begins, "Only whose subject begins so.");
  command->add_option("--subject-ends", subject_ends, "Only whose subject ends so.");
  command->add_flag("--case-sensitive", case_sensitive, "Case counts in subjects.");
  command
      ->add_option("--filter", filters,
                   "Advanced filter, such as 'data.deliveryStatus StringIn Failed,Expired'; may be repeated.")
      ->allow_extra_args(false);
  command->add_option("--schema", schema, "eventgrid (the default), cloudevents or cloudevents-binary.");
  command->add_option("--header", headers, "name=value, sent with each request; may be repeated.")->allow_extra_args(false);
  command->add_option("--secret-header", secret_headers, "The same, never shown again.")->allow_extra_args(false);
  command->add_option("--field-header", field_headers, "name=key: a field of the event, such as to=data.to.")
      ->allow_extra_args(false);
  command->add_option("--batch", batch, "At most so many events a request.");
  command->add_option("--batch-kb", batch_kb, "Preferred size of a batch.");
  command->add_option("--max-attempts", max_attempts, "1 to 30.");
  command->add_option("--ttl", ttl_minutes, "Minutes after which an event is given up, 1 to 1440.");
  command->add_option("--concurrency", concurrency, "Requests at the same time.");
  command->add_option("--per-minute", per_minute, "Requests a minute, 1 to 1000000; an endpoint of CloudEvents may allow less.");
  command->add_option("--dead-letter", dead_letter, "A URL, or a folder below events.dead_letter_path.");
  command->add_option("--s3-region", s3_region,
                      "--dead-letter is a bucket, and a prefix in it: requests are signed for this region.");
  command->add_option("--s3-key-id", s3_key_id, "Access key id for it.");
  command->add_option("--s3-secret", s3_secret, "Secret access key for it; never shown again.");
  command->add_option("--s3-token", s3_token, "Session token for it, of temporary credentials.");
  command->add_option("--expires", expires_at, "When the subscription ends, as RFC 3339.");
  command->add_option("--ordering-key", ordering_key, "Events with the same value of this key one after the other.");
  command->add_option("--bearer", bearer, "Token sent as Authorization.");
  command->add_option("--hmac-secret", hmac_secret, "Signs the body.");
  command->add_option("--label", labels, "For people; may be repeated.")->allow_extra_args(false);
  command->add_option("--topic", topic, "Of a custom topic.");
  command->add_option("--properties", properties_file, "File with the properties as ARM has them, instead of the options above.");
}

json SubscriptionOptions::body() const {
  json out = json::object();
  const std::pair<const char*, const std::string&> texts[] = {{"endpoint", endpoint},
                                                              {"workflow", workflow},
                                                              {"subject_begins_with", subject_begins},
                                                              {"subject_ends_with", subject_ends},
                                                              {"schema", schema},
                                                              {"dead_letter", dead_letter},
                                                              {"expires_at", expires_at},
                                                              {"ordering_key", ordering_key},
                                                              {"bearer", bearer},
                                                              {"hmac_secret", hmac_secret}};
  for (const auto& [member, value] : texts)
    if (!value.empty()) out[member] = value;
  const std::pair<const char*, const std::string&> s3[] = {
      {"region", s3_region}, {"access_key_id", s3_key_id}, {"secret_access_key", s3_secret}, {"session_token", s3_token}};
  for (const auto& [member, value] : s3) {
    if (value.empty()) continue;
    if (!out["dead_letter"].is_object()) out["dead_letter"] = json::object();
    if (!dead_letter.empty()) out["dead_letter"]["s3"] = dead_letter;
    out["dead_letter"][member] = value;
  }
  if (handler) out["handler"] = true;
  if (case_sensitive) out["case_sensitive"] = true;
  if (!types.empty()) out["types"] = types;
  if (!labels.empty()) out["labels"] = labels;
  for (const std::string& filter : filters) out["filters"].push_back(parse_filter_text(filter));
  for (const std::string& header : headers) {
    const auto [key, value] = name_and_value(header, "--header");
    out["headers"][key] = value;
  }
  for (const std::string& header : secret_headers) {
    const auto [key, value] = name_and_value(header, "--secret-header");
    out["headers"][key]["value"] = value;
    out["headers"][key]["secret"] = true;
  }
  for (const std::string& header : field_headers) {
    const auto [key, value] = name_and_value(header, "--field-header");
    out["headers"][key]["field"] = value;
  }
  set_number(out, "batch", "--batch", batch);
  set_number(out, "batch_kb", "--batch-kb", batch_kb);
  set_number(out, "max_attempts", "--max-attempts", max_attempts);
  set_number(out, "ttl_minutes", "--ttl", ttl_minutes);
  set_number(out, "concurrency", "--concurrency", concurrency);
  set_number(out, "requests_per_minute", "--per-minute", per_minute);
  if (properties_file.empty()) return out;
  if (!out.empty()) {
    std::string given;
    for (const auto& [member, value] : out.items()) given += (given.empty() ? "" : ", ") + member;
    throw Error(ErrorCode::kInvalidArgument,
                "--properties is the whole of what is sent where, and goes with nothing else that says so: " + given,
                "--properties");
  }
  out["properties"] = read_properties(properties_file);
  return out;
}

}  // namespace trunkline::app
