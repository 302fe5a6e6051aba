#include "runtime/calls/party.h"

#include <nlohmann/json.hpp>

#include "runtime/base/json.h"
#include "runtime/services/phone_number.h"

namespace trunkline::calls {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxRawId = 512;

Party::Kind kind_of(std::string_view raw_id) {
  if (raw_id.starts_with("4:")) return Party::Kind::kPhone;
  for (const std::string_view prefix : {"8:acs:", "8:gcch-acs:", "8:dod-acs:", "8:spool:"})
    if (raw_id.starts_with(prefix)) return Party::Kind::kUser;
  for (const std::string_view prefix : {"8:orgid:", "8:gcch:", "8:dod:", "8:teamsvisitor:"})
    if (raw_id.starts_with(prefix)) return Party::Kind::kTeamsUser;
  if (raw_id.starts_with("28:")) return Party::Kind::kTeamsApp;
  return Party::Kind::kUnknown;
}

/// `8:orgid:` and `28:gcch:` for the cloud of a Teams identity.
std::string_view cloud_of(std::string_view raw_id) {
  if (raw_id.find(":gcch:") != raw_id.npos) return "gcch";
  if (raw_id.find(":dod:") != raw_id.npos) return "dod";
  return "public";
}

std::string teams_raw_id(const char* prefix, const JsonRef& value, const char* member) {
  const std::string_view cloud = value.text_or("cloud", "public");
  const std::string middle = cloud == "gcch" ? "gcch:" : cloud == "dod" ? "dod:" : "orgid:";
  return prefix + middle + std::string(value.at(member).text());
}

}  // namespace

Party phone_party(std::string_view number) { return {Party::Kind::kPhone, "4:" + std::string(number)}; }
Party user_party(std::string_view user_id) { return {Party::Kind::kUser, std::string(user_id)}; }

Party party_of_raw_id(std::string_view raw_id, const std::string& target) {
  if (raw_id.empty() || raw_id.size() > kMaxRawId)
    throw Error(ErrorCode::kInvalidArgument, "found a raw id of " + std::to_string(raw_id.size()) + " bytes, wanted 1 to 512",
                target);
  Party party;
  party.raw_id = raw_id;
  party.kind = kind_of(raw_id);
  return party;
}

Party party_of_text(std::string_view text, const std::string& target) {
  const std::string_view number = text.starts_with("4:") ? text.substr(2) : text;
  const bool is_phone = number.size() < text.size() || text.starts_with('+');
  if (!is_phone) return party_of_raw_id(text, target);
  if (const std::string_view fault = e164_fault(number); !fault.empty())
    throw Error(ErrorCode::kInvalidArgument,
                target + ": '" + std::string(text.substr(0, 40)) + "' is no phone number: " + std::string(fault), target);
  return phone_party(number);
}

std::string party_text(std::string_view raw_id) {
  const bool is_phone = raw_id.starts_with("4:+");
  return std::string(is_phone ? raw_id.substr(2) : raw_id);
}

Party read_phone(const JsonRef& value) {
  const JsonRef number = value.at("value");
  if (const std::string_view fault = e164_fault(number.text()); !fault.empty())
    throw number.error("'" + std::string(number.text().substr(0, 40)) + "' is no phone number: " + std::string(fault));
  return phone_party(number.text());
}

Party read_user(const JsonRef& value) {
  const JsonRef id = value.at("id");
  const Party party = party_of_raw_id(id.text(), id.path());
  if (!party.is_user()) throw id.error("'" + std::string(id.text().substr(0, 120)) + "' is no communication user");
  return party;
}

Party read_party(const JsonRef& value) {
  if (const auto phone = value.find("phoneNumber")) return read_phone(*phone);
  if (const auto user = value.find("communicationUser")) return read_user(*user);
  if (const auto user = value.find("microsoftTeamsUser"))
    return party_of_raw_id(user->boolean_or("isAnonymous", false) ? "8:teamsvisitor:" + std::string(user->at("userId").text())
                                                                  : teams_raw_id("8:", *user, "userId"),
                           user->path());
  if (const auto app = value.find("microsoftTeamsApp")) return party_of_raw_id(teams_raw_id("28:", *app, "appId"), app->path());
  if (const auto raw = value.find("rawId")) return party_of_raw_id(raw->text(), raw->path());
  throw value.error("names nobody: wanted phoneNumber, communicationUser or rawId");
}

json phone_json(const Party& phone) { return json{{"value", phone.number()}}; }

json party_json(const Party& party) {
  json out;
  out["rawId"] = party.raw_id;
  const std::string_view raw = party.raw_id;
  switch (party.kind) {
    case Party::Kind::kUser:
      out["kind"] = "communicationUser";
      out["communicationUser"]["id"] = party.raw_id;
      break;
    case Party::Kind::kPhone:
      out["kind"] = "phoneNumber";
      out["phoneNumber"] = phone_json(party);
      break;
    case Party::Kind::kTeamsUser:
      out["kind"] = "microsoftTeamsUser";
      out["microsoftTeamsUser"]["userId"] = raw.substr(raw.rfind(':') + 1);
      out["microsoftTeamsUser"]["isAnonymous"] = raw.starts_with("8:teamsvisitor:");
      out["microsoftTeamsUser"]["cloud"] = cloud_of(raw);
      break;
    case Party::Kind::kTeamsApp:
      out["kind"] = "microsoftTeamsApp";
      out["microsoftTeamsApp"]["appId"] = raw.substr(raw.rfind(':') + 1);
      out["microsoftTeamsApp"]["cloud"] = cloud_of(raw);
      break;
    case Party::Kind::kUnknown:
      out["kind"] = "unknown";
      break;
  }
  return out;
}

}  // namespace trunkline::calls
