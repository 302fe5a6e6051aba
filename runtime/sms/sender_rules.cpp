#include "runtime/sms/sender_rules.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "runtime/base/json.h"
#include "runtime/base/strings.h"
#include "runtime/sms/data.h"

namespace trunkline {
namespace {

std::uint16_t key_of(std::string_view iso) {
  return iso.size() == 2
             ? static_cast<std::uint16_t>(static_cast<unsigned char>(iso[0]) << 8 | static_cast<unsigned char>(iso[1]))
             : 0;
}

bool is_alphanumeric(std::string_view sender) {
  return std::any_of(sender.begin(), sender.end(), [](char c) { return !is_digit(c) && c != '+'; });
}

}  // namespace

SenderRules SenderRules::built_in() { return parse(sms_data::sender_rules(), "the built-in sender rules"); }

SenderRules SenderRules::load(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  if (!stream || !(text << stream.rdbuf()))
    throw Error(ErrorCode::kNotFound, "cannot read " + file.string(), "sms.sender_rules_file");
  return parse(text.str(), file.string());
}

SenderRules SenderRules::parse(std::string_view json, const std::string& file) {
  const auto fail = [&](const std::string& what) -> Error {
    return {ErrorCode::kInvalidArgument, file + ": " + what, "sms.sender_rules_file"};
  };
  SenderRules out;
  try {
    const nlohmann::json data = parse_json(json);
    const JsonRef root(data);
    out.date_ = root.at("dated").text();
    const JsonRef countries = root.at("countries").object();
    for (const auto& [iso, value] : countries.json().items()) {
      if (iso.size() != 2) throw fail("countries." + iso + ": wanted a country code of two letters");
      const JsonRef rule = countries.at(iso);
      Country& country = out.countries_[key_of(iso)];
      const std::string_view word = rule.at("alphanumeric").text();
      if (word == "no")
        country.alphanumeric = Verdict::kRefused;
      else if (word == "registered")
        country.alphanumeric = Verdict::kRegistered;
      else if (word != "yes")
        throw fail("countries." + iso + ".alphanumeric: wanted yes, registered or no, found '" + std::string(word) + "'");
      country.note = rule.text_or("note", "");
    }
  } catch (const Error& error) {
    if (error.target == "sms.sender_rules_file") throw;
    throw fail(error.message);
  }
  return out;
}

SenderRules::Answer SenderRules::ask(std::string_view sender, std::string_view country) const {
  if (!is_alphanumeric(sender)) return {};
  const auto found = countries_.find(key_of(country));
  if (found == countries_.end()) return {};
  return {found->second.alphanumeric, found->second.note};
}

}  // namespace trunkline
