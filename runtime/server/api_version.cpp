#include "runtime/server/api_version.h"

#include "runtime/base/strings.h"
#include "trunkline/error.hpp"

namespace trunkline::server {
namespace {

constexpr std::size_t kDateLength = 10;
constexpr std::size_t kMaxLength = 40;

bool is_version(std::string_view text) {
  if (text.size() < kDateLength || text.size() > kMaxLength || text[4] != '-' || text[7] != '-') return false;
  const auto year = parse_number<unsigned>(text.substr(0, 4));
  const auto month = parse_number<unsigned>(text.substr(5, 2));
  const auto day = parse_number<unsigned>(text.substr(8, 2));
  if (!year || !month || !day || *month < 1 || *month > 12 || *day < 1 || *day > 31) return false;
  if (text.size() == kDateLength) return true;
  if (text[kDateLength] != '-' || text.size() == kDateLength + 1) return false;
  for (const char c : text.substr(kDateLength + 1))
    if (!is_digit(c) && !(ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') && c != '.' && c != '-') return false;
  return true;
}

/// Order of publication: by date, and a preview before the stable version of the same day.
bool before(std::string_view a, std::string_view b) {
  const auto by_date = a.substr(0, kDateLength).compare(b.substr(0, kDateLength));
  if (by_date != 0) return by_date < 0;
  const bool preview_a = a.size() > kDateLength;
  const bool preview_b = b.size() > kDateLength;
  return preview_a != preview_b ? preview_a : to_lower(a) < to_lower(b);
}

}  // namespace

std::string_view resolve_api_version(std::span<const std::string> published, std::string_view requested) {
  if (published.empty()) return {};
  if (requested.empty())
    throw Error(ErrorCode::kInvalidArgument, "The api-version query parameter (?api-version=) is required for all requests.",
                "api-version")
        .with_http_status(400)
        .with_service_code("ApiVersionUnspecified");
  if (!is_version(requested))
    throw Error(ErrorCode::kInvalidArgument,
                "The api-version '" + std::string(requested.substr(0, kMaxLength)) +
                    "' is not a version; wanted a date such as '" + published.back() + "'.",
                "api-version")
        .with_http_status(400)
        .with_service_code("UnsupportedApiVersion");
  std::string_view best;
  std::string_view oldest = published.front();
  for (const std::string& version : published) {
    if (iequals(version, requested)) return version;
    if (before(version, oldest)) oldest = version;
    if (before(version, requested) && (best.empty() || before(best, version))) best = version;
  }
  return best.empty() ? oldest : best;
}

}  // namespace trunkline::server
