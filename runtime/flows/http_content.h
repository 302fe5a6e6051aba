// Bodies of HTTP messages as values of the language, and the other way round.
#pragma once
#include <string>
#include <string_view>

#include "runtime/expression/value.h"
#include "runtime/net/http.h"

namespace trunkline::flows {

using expression::Value;

/// JSON is parsed, `text/plain` is a text, a form has `$formdata`, multipart has `$multipart`, anything else is a content object.
/// A body that says JSON and is none: a text, or with `strict` Error kInvalidArgument (InvalidRequestContent).
Value body_value(std::string_view content_type, std::string_view bytes, bool strict = false);

struct EncodedBody {
  std::string bytes;
  std::string content_type;  // empty: none is to be added
};
/// Objects and arrays as JSON, text as it is, a content object as its bytes with its type, `$multipart` as a multipart body,
/// other values as JSON. `given`: the Content-Type that the message has anyway; `boundary_seed` makes the boundary of a multipart
/// body.
EncodedBody encode_body(const Value& body, std::string_view given, std::string_view boundary_seed);

/// An object by name; values of equal names are joined by `,`, Set-Cookie excepted, whose last one counts.
Value headers_value(const net::Headers& headers);
/// `BadRequest` for 400; the number where the service has no name for it.
std::string status_name(int status);

}  // namespace trunkline::flows
