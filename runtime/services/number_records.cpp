#include "runtime/services/number_records.h"

#include <nlohmann/json.hpp>

#include "runtime/base/unix_time.h"

namespace trunkline::number_records {
namespace {

using nlohmann::json;
using service::NumberCapability;
using service::NumberType;
using service::OwnedNumber;
using store::Row;
using store::Session;
using store::Statement;

constexpr Duration kOperationsKept = std::chrono::days{30};

const Statement kInsertNumber{
    "INSERT INTO phone_numbers (resource_key, number, country_code, number_type, assignment_type, calling, sms, purchased_us) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"};
const Statement kDeleteNumber{"DELETE FROM phone_numbers WHERE resource_key = ? AND number = ?"};
const Statement kUpdateNumber{"UPDATE phone_numbers SET calling = ?, sms = ? WHERE resource_key = ? AND number = ?"};
const Statement kSelectNumbers{
    "SELECT number, country_code, number_type, assignment_type, calling, sms, purchased_us FROM phone_numbers WHERE resource_key "
    "= ?"};
const Statement kInsertSearch{
    "INSERT INTO number_searches (resource_key, search_id, expires_us, purchased, body) VALUES (?, ?, ?, 0, ?)"};
const Statement kSelectSearch{"SELECT expires_us, purchased, body FROM number_searches WHERE resource_key = ? AND search_id = ?"};
const Statement kSelectHolds{
    "SELECT expires_us, body FROM number_searches WHERE resource_key = ? AND purchased = 0 AND expires_us > ?"};
const Statement kBuySearch{"UPDATE number_searches SET purchased = 1 WHERE resource_key = ? AND search_id = ? AND purchased = 0"};
const Statement kDropOldSearches{"DELETE FROM number_searches WHERE resource_key = ? AND expires_us < ?"};
const Statement kInsertOperation{
    "INSERT INTO number_operations (resource_key, operation_id, created_us, body) VALUES (?, ?, ?, ?)"};
const Statement kSelectOperation{"SELECT created_us, body FROM number_operations WHERE resource_key = ? AND operation_id = ?"};
const Statement kDropOldOperations{"DELETE FROM number_operations WHERE resource_key = ? AND created_us < ?"};

const Statement kCopyNumbers{
    "INSERT INTO phone_numbers SELECT ?, number, country_code, number_type, assignment_type, calling, sms, purchased_us "
    "FROM phone_numbers WHERE resource_key = ?"};
const Statement kCopySearches{
    "INSERT INTO number_searches SELECT ?, search_id, expires_us, purchased, body FROM number_searches WHERE resource_key = ?"};
const Statement kCopyOperations{
    "INSERT INTO number_operations SELECT ?, operation_id, created_us, body FROM number_operations WHERE resource_key = ?"};
const Statement kDropNumbers{"DELETE FROM phone_numbers WHERE resource_key = ?"};
const Statement kDropSearches{"DELETE FROM number_searches WHERE resource_key = ?"};
const Statement kDropOperations{"DELETE FROM number_operations WHERE resource_key = ?"};

json to_json(const HeldNumbers& held) {
  return {{"numbers", held.search.numbers},
          {"cost_micros", held.search.cost_micros},
          {"currency", held.search.currency},
          {"country_code", held.query.country_code},
          {"type", static_cast<int>(held.query.type)},
          {"for_application", held.query.for_application},
          {"calling", static_cast<int>(held.query.calling)},
          {"sms", static_cast<int>(held.query.sms)},
          {"no_resell", held.no_resell}};
}

HeldNumbers held_from_json(std::string_view search_id, const json& body, Time expires_at, bool purchased) {
  HeldNumbers held;
  held.search.search_id = search_id;
  held.search.numbers = body.at("numbers").get<std::vector<std::string>>();
  held.search.cost_micros = body.at("cost_micros");
  held.search.currency = body.at("currency");
  held.search.expires_at = expires_at;
  held.query.country_code = body.at("country_code");
  held.query.type = static_cast<NumberType>(body.at("type").get<int>());
  held.query.for_application = body.at("for_application");
  held.query.calling = static_cast<NumberCapability>(body.at("calling").get<int>());
  held.query.sms = static_cast<NumberCapability>(body.at("sms").get<int>());
  held.query.quantity = static_cast<std::int32_t>(held.search.numbers.size());
  held.no_resell = body.at("no_resell");
  held.purchased = purchased;
  return held;
}

}  // namespace

void insert_number(Session& session, std::int64_t resource_key, const OwnedNumber& number) {
  session.execute(kInsertNumber, {resource_key, number.number, number.country_code, static_cast<std::int64_t>(number.type),
                                  std::int64_t{number.for_application}, static_cast<std::int64_t>(number.calling),
                                  static_cast<std::int64_t>(number.sms), unix_us(number.purchased_at)});
}

bool delete_number(Session& session, std::int64_t resource_key, const std::string& number) {
  return session.execute(kDeleteNumber, {resource_key, number}) > 0;
}

bool update_number(Session& session, std::int64_t resource_key, const OwnedNumber& number) {
  return session.execute(kUpdateNumber, {static_cast<std::int64_t>(number.calling), static_cast<std::int64_t>(number.sms),
                                         resource_key, number.number}) > 0;
}

Owned read_numbers(Session& session, std::int64_t resource_key) {
  Owned found;
  session.query(kSelectNumbers, {resource_key}, [&](const Row& row) {
    OwnedNumber number;
    number.number = row.text(0);
    number.country_code = row.text(1);
    number.type = static_cast<NumberType>(row.integer(2));
    number.for_application = row.integer(3) != 0;
    number.calling = static_cast<NumberCapability>(row.integer(4));
    number.sms = static_cast<NumberCapability>(row.integer(5));
    number.purchased_at = from_unix_us(row.integer(6));
    found[number.number] = std::move(number);
  });
  return found;
}

void insert_search(Session& session, std::int64_t resource_key, const HeldNumbers& held) {
  session.execute(kDropOldSearches, {resource_key, unix_us(held.search.expires_at - kOperationsKept)});
  session.execute(kInsertSearch, {resource_key, held.search.search_id, unix_us(held.search.expires_at), to_json(held).dump()});
}

std::optional<HeldNumbers> find_search(Session& session, std::int64_t resource_key, std::string_view search_id) {
  std::optional<HeldNumbers> held;
  session.query(kSelectSearch, {resource_key, search_id}, [&](const Row& row) {
    held = held_from_json(search_id, json::parse(row.text(2)), from_unix_us(row.integer(0)), row.integer(1) != 0);
  });
  return held;
}

bool mark_bought(Session& session, std::int64_t resource_key, const std::string& search_id) {
  return session.execute(kBuySearch, {resource_key, search_id}) > 0;
}

std::vector<std::pair<std::string, Time>> read_holds(Session& session, std::int64_t resource_key, Time now) {
  std::vector<std::pair<std::string, Time>> holds;
  session.query(kSelectHolds, {resource_key, unix_us(now)}, [&](const Row& row) {
    const json body = json::parse(row.text(1));
    for (const json& number : body.at("numbers")) holds.emplace_back(number.get<std::string>(), from_unix_us(row.integer(0)));
  });
  return holds;
}

void insert_operation(Session& session, std::int64_t resource_key, const NumberOperation& operation) {
  json body = {{"type", operation.type}, {"status", operation.status}, {"resource_location", operation.resource_location}};
  session.execute(kDropOldOperations, {resource_key, unix_us(operation.created_at - kOperationsKept)});
  session.execute(kInsertOperation, {resource_key, operation.id, unix_us(operation.created_at), body.dump()});
}

std::optional<NumberOperation> find_operation(Session& session, std::int64_t resource_key, std::string_view id) {
  std::optional<NumberOperation> operation;
  session.query(kSelectOperation, {resource_key, id}, [&](const Row& row) {
    const json body = json::parse(row.text(1));
    operation = NumberOperation{std::string(id), body.at("type"), body.at("status"), body.at("resource_location"),
                                from_unix_us(row.integer(0))};
  });
  return operation;
}

void copy_rows(Session& session, std::int64_t from_key, std::int64_t to_key) {
  for (const Statement* statement : {&kCopyNumbers, &kCopySearches, &kCopyOperations})
    session.execute(*statement, {to_key, from_key});
}

void drop_rows(Session& session, std::int64_t resource_key) {
  for (const Statement* statement : {&kDropNumbers, &kDropSearches, &kDropOperations})
    session.execute(*statement, {resource_key});
}

}  // namespace trunkline::number_records
