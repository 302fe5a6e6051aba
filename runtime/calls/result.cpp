#include "runtime/calls/result.h"

#include <nlohmann/json.hpp>

namespace trunkline::calls {

CallResult success(std::string message) { return {200, 0, std::move(message), std::nullopt, std::nullopt}; }
CallResult failure(int code, int sub_code, std::string message) {
  return {code, sub_code, std::move(message), std::nullopt, std::nullopt};
}

CallResult result_of_cause(std::int32_t q850, std::optional<std::int32_t> sip_status, const std::string& text) {
  CallResult result;
  switch (q850) {
    case 16:
    case 31:
      result = {200, sub_code::kGraceful, "the call ended normally", {}, {}};
      break;
    case 1:
    case 3:
    case 28:
      result = {404, sub_code::kDoesNotExist, "the number does not exist", {}, {}};
      break;
    case 17:
      result = {486, sub_code::kBusy, "the callee is busy", {}, {}};
      break;
    case 18:
    case 19:
      result = {480, sub_code::kUnavailable, "the callee did not answer", {}, {}};
      break;
    case 20:
    case 27:
      result = {480, sub_code::kUnreachable, "the callee cannot be reached", {}, {}};
      break;
    case 21:
      result = {603, sub_code::kDeclined, "the callee declined the call", {}, {}};
      break;
    default:
      result = {500, sub_code::kUnknown, "the carrier ended the call", {}, {}};
      break;
  }
  if (!text.empty()) result.message += " (" + text + ")";
  result.sip = sip_status;
  result.q850 = q850;
  return result;
}

CallResult result_of_reject(const std::string& reason) {
  if (reason == "busy") return failure(486, sub_code::kBusy, "the callee is busy");
  if (reason == "forbidden") return failure(403, sub_code::kDeclined, "the callee does not take calls of the caller");
  return failure(603, sub_code::kDeclined, "the callee declined the call");
}

std::int32_t cause_of_reject(const std::string& reason) { return reason == "busy" ? 17 : 21; }

nlohmann::json result_json(const CallResult& result) {
  nlohmann::json out;
  out["code"] = result.code;
  out["subCode"] = result.sub_code;
  out["message"] = result.message;
  if (result.sip) out["sipDetails"] = nlohmann::json{{"code", *result.sip}, {"message", result.message}};
  if (result.q850) out["q850Details"] = nlohmann::json{{"code", *result.q850}, {"message", result.message}};
  return out;
}

}  // namespace trunkline::calls
