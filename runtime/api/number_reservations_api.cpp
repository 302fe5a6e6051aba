// Browsing the inventory, and reservations of several numbers.
#include <nlohmann/json.hpp>

#include "runtime/api/numbers_api.h"
#include "runtime/api/numbers_rest.h"
#include "runtime/clock/clock.h"
#include "runtime/services/number_reservations.h"

namespace trunkline::api {
namespace {

using nlohmann::json;
using server::BodyRule;
using server::RouteContext;
using service::NumberReservation;
using service::ReservationState;
using service::ReservedNumber;

constexpr std::size_t kBrowsed = 20;

const char* word(ReservationState state) {
  switch (state) {
    case ReservationState::kCompleted:
      return "completed";
    case ReservationState::kExpired:
      return "expired";
    default:
      return "active";
  }
}

const char* number_status(const ReservedNumber& number, ReservationState state) {
  if (number.error) return "error";
  switch (state) {
    case ReservationState::kCompleted:
      return "purchased";
    case ReservationState::kExpired:
      return "expired";
    default:
      return "reserved";
  }
}

json available_json(const ReservedNumber& number, const char* status) {
  const NumberCountry* country = find_number_country(number.country_code);
  const NumberOffer* offer = country ? find_number_offer(*country, number.type) : nullptr;
  json out;
  out["id"] = number.number.substr(1);
  out["countryCode"] = number.country_code;
  out["phoneNumber"] = number.number;
  out["capabilities"] = capabilities_json(number.calling, number.sms);
  out["phoneNumberType"] = to_rest(number.type);
  out["assignmentType"] = assignment_word(number.for_application);
  out["cost"] = cost_json(offer ? offer->monthly_cost_micros : 0);
  out["status"] = status;
  out["isAgreementToNotResellRequired"] = needs_no_resell(number);
  if (number.error) {
    out["error"]["code"] = "NumberNotAvailable";
    out["error"]["message"] = *number.error;
  }
  return out;
}

json reservation_json(const NumberReservation& reservation, bool with_numbers) {
  json out;
  out["id"] = reservation.id;
  out["expiresAt"] = format_rfc3339(reservation.expires_at);
  out["status"] = word(reservation.state);
  if (with_numbers) {
    out["phoneNumbers"] = json::object();
    for (const ReservedNumber& number : reservation.numbers)
      out["phoneNumbers"][number.number.substr(1)] = available_json(number, number_status(number, reservation.state));
  }
  return out;
}

/// A number as the caller had it from browsing. What it does not say is as the inventory has it.
ReservedNumber read_number(const std::string& id, const JsonRef& value) {
  ReservedNumber number;
  number.number = value.text_or("phoneNumber", id);
  if (!number.number.starts_with('+')) number.number.insert(0, "+");
  if (number.number.substr(1) != (id.starts_with('+') ? id.substr(1) : id))
    throw value.error("the key '" + id + "' is not the id of " + number.number);
  check_e164(number.number, "phoneNumbers");
  number.for_application = true;
  if (const auto assigned = value.find("assignmentType")) number.for_application = parse_assignment(*assigned);
  if (const auto type = value.find("phoneNumberType")) number.type = parse_type(type->text());
  number.country_code = value.text_or("countryCode", "");
  if (const auto capabilities = value.find("capabilities")) {
    number.calling = parse_capability(capabilities->at("calling"));
    number.sms = parse_capability(capabilities->at("sms"));
  } else {
    const ReservedNumber offered = inventory_number(number.number);
    number.calling = offered.calling;
    number.sms = offered.sms;
  }
  return number;
}

Task<net::Response> browse(NumberService& numbers, RouteContext& context) {
  const json body = parse_body(context);
  const JsonRef request(body);
  service::NumberQuery query;
  query.country_code = country_parameter(context).code;
  query.type = parse_type(request.at("phoneNumberType").text());
  query.sms = service::NumberCapability::kNone;
  if (const auto assigned = request.find("assignmentType")) query.for_application = parse_assignment(*assigned);
  if (const auto capabilities = request.find("capabilities")) {
    if (const auto calling = capabilities->find("calling")) query.calling = parse_capability(*calling);
    if (const auto sms = capabilities->find("sms")) query.sms = parse_capability(*sms);
  }
  std::vector<std::string> prefixes;
  if (const auto given = request.find("phoneNumberPrefixes"))
    for (std::size_t i = 0; i < given->array_size(); ++i) prefixes.emplace_back((*given)[i].text());
  json answer;
  answer["phoneNumbers"] = json::array();
  for (const std::string& number : numbers.available(query, prefixes, kBrowsed)) {
    ReservedNumber item = inventory_number(number);
    item.for_application = query.for_application;
    answer["phoneNumbers"].push_back(available_json(item, "available"));
  }
  co_return json_response(200, answer);
}

Task<net::Response> change(NumberReservations& reservations, RouteContext& context) {
  const json body = parse_body(context);
  std::vector<ReservedNumber> add;
  std::vector<std::string> remove;
  if (const auto wanted = JsonRef(body).find("phoneNumbers")) {
    for (const auto& [id, value] : wanted->object().json().items()) {
      if (value.is_null())
        remove.push_back(id.starts_with('+') ? id : "+" + id);
      else
        add.push_back(read_number(id, wanted->at(id)));
    }
  }
  const ReservationChange done =
      co_await reservations.change(resource_of(context), context.param("reservationId"), std::move(add), std::move(remove));
  int status = 200;
  if (done.partial)
    status = 207;
  else if (done.created)
    status = 201;
  co_return json_response(status, reservation_json(done.reservation, true));
}

Task<net::Response> purchase(NumberService& numbers, NumberReservations& reservations, RouteContext& context) {
  const json body = parse_optional_body(context);
  const bool agree = JsonRef(body).boolean_or("agreeToNotResell", false);
  const ResourcePtr resource = resource_of(context);
  const std::string id = context.param("reservationId");
  co_await reservations.purchase(resource, id, agree);
  co_return co_await accepted_operation(numbers, resource, "reservationPurchase", "/availablePhoneNumbers/reservations/" + id,
                                        "reservation-purchase-id", std::string(context.api_version));
}

}  // namespace

void add_number_reservation_routes(std::vector<server::Route>& routes, NumberService& numbers, NumberReservations& reservations) {
  constexpr const char* kOne = "/availablePhoneNumbers/reservations/{reservationId}";
  add_number_route(routes, "POST", "/availablePhoneNumbers/countries/{countryCode}/:browse", BodyRule::kJson,
                   [&numbers](RouteContext& context) { return browse(numbers, context); });
  add_number_route(routes, "GET", "/availablePhoneNumbers/reservations", BodyRule::kNone,
                   [&reservations](RouteContext& context) -> Task<net::Response> {
                     std::vector<json> items;
                     for (const NumberReservation& reservation : reservations.list(*resource_of(context)))
                       items.push_back(reservation_json(reservation, false));
                     co_return json_response(200, page_of(context, "reservations", std::move(items)));
                   });
  add_number_route(routes, "GET", kOne, BodyRule::kNone, [&reservations](RouteContext& context) -> Task<net::Response> {
    co_return json_response(200, reservation_json(reservations.get(*resource_of(context), context.param("reservationId")), true));
  });
  add_number_route(routes, "PATCH", kOne, BodyRule::kMergePatch,
                   [&reservations](RouteContext& context) { return change(reservations, context); });
  add_number_route(routes, "DELETE", kOne, BodyRule::kAny, [&reservations](RouteContext& context) -> Task<net::Response> {
    co_await reservations.remove(resource_of(context), context.param("reservationId"));
    co_return empty_response(204);
  });
  add_number_route(routes, "POST", "/availablePhoneNumbers/reservations/{reservationId}/:purchase", BodyRule::kJson,
                   [&numbers, &reservations](RouteContext& context) { return purchase(numbers, reservations, context); });
}

}  // namespace trunkline::api
