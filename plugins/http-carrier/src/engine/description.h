// A carrier's HTTP interface as data: how a text is sent, what answers and callbacks mean. docs/guide/http-carrier.md has the
// members; each struct here is one of its sections.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "template.h"
#include "trunkline/error.hpp"
#include "trunkline/sms.hpp"

namespace http_carrier {

/// What a code of the carrier means.
struct Meaning {
  trunkline::sms::FailureReason reason = trunkline::sms::FailureReason::kUnspecified;
  bool retryable = false;
};

/// A value in a document, or several places to look for it.
using Pointers = std::vector<json::json_pointer>;

struct Request {
  std::string method = "POST";
  Template url;
  std::map<std::string, Template> headers;  // names in lower case
  JsonTemplate body;                        // one of body and form, or none
  std::map<std::string, Template> form;
  Template basic_user, basic_password;
  trunkline::Duration timeout{};

  /// Whether {{name}} stands in it.
  bool names(std::string_view name) const;
};

struct ResultMap {
  /// Statuses that mean "taken", unless `ok` says otherwise; 2xx when empty.
  std::vector<int> accepted;
  Pointers ok;  // a value that tells more than the status
  std::vector<std::string> ok_values;
  Pointers id, code, text, segments, price;
  double price_factor = 1;  // into millionths
};

struct Verification {
  enum class Kind { kNone, kHmac, kEquals, kBasic } kind = Kind::kNone;
  std::string header;  // lower case; or
  std::string query;   // a parameter of the URL
  Template secret;     // the key, or what it must equal; of kBasic, `user:password`
  std::string prefix;  // in front of the digest, such as `sha256=`
  bool base64 = false;
  bool sha1 = false;
};

struct CallbackMap {
  std::string path;  // behind /_webhooks/<provider>
  Verification verification;
  Pointers each;  // an array whose elements are the callbacks; the document itself when empty
  Pointers only_if;
  std::vector<std::string> only_if_values;
  // Receipts:
  Pointers message_id, id, state, code, at;
  std::string message_id_parameter;  // of the callback's URL: the host's id
  std::map<std::string, trunkline::sms::MessageState> states;
  // Texts from phones:
  Pointers from, to, text;
  int answer_status = 204;
  std::string answer_type, answer_body;
};

struct QueryMap {
  Request request;
  Pointers state, code;
  std::map<std::string, trunkline::sms::MessageState> states;
  std::vector<int> unknown;  // statuses that mean: it never had it
};

/// Immutable once parsed.
struct Description {
  std::string name;
  Request send;
  ResultMap result;
  std::map<std::string, Meaning> errors;  // by the carrier's code, by `http:<status>`, and `default`
  std::optional<QueryMap> query;
  std::vector<CallbackMap> receipts;
  std::vector<CallbackMap> inbound;
  /// The carrier takes the same message_id once, however often it comes.
  bool idempotent = false;
  bool alphanumeric_sender = true;
  int max_segments = 10;
  std::vector<std::string> countries;
  /// Recipients that are asked for at a time.
  int connections = 16;
};

/// Throws kInvalidArgument that names the member. Unknown members are refused.
Description parse_description(const json& document);

/// The first place that has something; null: none has.
const json* find(const json& document, const Pointers& pointers);
/// Texts as they are, numbers and booleans as JSON writes them; nullopt for null and what is not there.
std::optional<std::string> find_text(const json& document, const Pointers& pointers);

}  // namespace http_carrier
