// The Authorization header of the access key scheme (first line) and the target that was signed (the rest).
#include <cstdlib>

#include "runtime/server/access_key.h"

using namespace trunkline;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = text.find('\n');
  const std::string_view header = text.substr(0, line);
  net::Request request;
  request.method = "GET";
  if (line != std::string_view::npos) request.target = text.substr(line + 1);
  std::string problem;
  const auto parsed = server::parse_access_key_authorization(header, problem);
  if (parsed.has_value() != problem.empty()) std::abort();
  if (parsed) {
    if (parsed->signature.size() != 32 || parsed->signed_headers.empty()) std::abort();
    server::signed_tail(request, *parsed, "host");
  }
  const auto candidates = server::signed_target_candidates(request);
  if (candidates.empty() || candidates.front() != request.target) std::abort();
  const std::string once = server::reencode_query(request.target);
  if (server::reencode_query(once) != once) std::abort();  // printing what was printed changes nothing
  return 0;
}
