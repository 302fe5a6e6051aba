// What is wrong with a definition: everything at once, each with its place.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "trunkline/error.hpp"

namespace trunkline::workflow {

/// Codes of the service for a definition that is refused.
inline constexpr std::string_view kInvalidTemplate = "InvalidTemplate";
inline constexpr std::string_view kInvalidRequestContent = "InvalidRequestContent";

/// A byte's place in a text; both from 1. {0, 0}: not known.
struct Location {
  std::size_t line = 0;
  std::size_t column = 0;
};

struct Problem {
  std::string code;
  std::string message;
  /// JSON pointer (RFC 6901) into the document that was given.
  std::string pointer;
  Location location;
};

/// Where the value at `pointer` begins in `text`, which is valid JSON; the deepest part of the pointer that exists counts.
Location locate(std::string_view text, std::string_view pointer);
/// `/a~1b` for ("", "a/b").
std::string append_pointer(std::string_view pointer, std::string_view member);

/// The first problem as an Error (kInvalidArgument, 400, its code as service code), with all of them in the message, and each in
/// details as `problems[n]`.
Error to_error(const std::vector<Problem>& problems);

}  // namespace trunkline::workflow
