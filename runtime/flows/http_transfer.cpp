// Of HTTP actions: what takes more than one request.
#include <algorithm>

#include "runtime/base/encoding.h"
#include "runtime/base/strings.h"
#include "runtime/flows/http_actions.h"
#include "runtime/flows/http_content.h"
#include "runtime/flows/member_text.h"

namespace trunkline::flows {
namespace {

constexpr int kMaxPages = 10'000;
constexpr std::size_t kDefaultChunk = 50u << 20;

/// `bytes 0-99/1234`: the number after the last byte, and the total.
std::optional<std::pair<std::uint64_t, std::uint64_t>> parse_content_range(std::string_view text) {
  const std::size_t blank = text.find(' '), dash = text.find('-'), slash = text.find('/');
  if (blank == std::string_view::npos || dash == std::string_view::npos || slash == std::string_view::npos || dash > slash)
    return std::nullopt;
  const auto last = parse_number<std::uint64_t>(trim(text.substr(dash + 1, slash - dash - 1)));
  const auto total = parse_number<std::uint64_t>(trim(text.substr(slash + 1)));
  if (!last || !total) return std::nullopt;
  return std::pair{*last + 1, *total};
}

/// `bytes=0-99`: the number after the last byte.
std::optional<std::size_t> received(std::string_view text) {
  const std::size_t dash = text.rfind('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto last = parse_number<std::size_t>(trim(text.substr(dash + 1)));
  return last ? std::optional<std::size_t>(*last + 1) : std::nullopt;
}

Error bad_transfer(const char* what) {
  return Error(ErrorCode::kUnavailable, std::string("the transfer in chunks failed: ") + what);
}

}  // namespace

Task<ActionAnswer> HttpActions::read_on(ActionCall call, SharedValue inputs, net::ClientResponse first) {
  net::ClientResponse all = std::move(first);
  auto range = parse_content_range(all.headers.get("Content-Range"));
  while (range && range->first < range->second) {
    if (range->second > options_.max_chunked_bytes)
      throw Error(ErrorCode::kResourceExhausted, "the content has " + std::to_string(range->second) + " bytes");
    net::ClientRequest request = build(call, *inputs);
    const std::uint64_t last =
        std::min<std::uint64_t>(range->first + std::max<std::size_t>(all.body.size(), 1) - 1, range->second - 1);
    request.headers.set("Range", "bytes=" + std::to_string(range->first) + "-" + std::to_string(last));
    co_await authorize(*inputs, request);
    net::ClientResponse part = co_await start(std::move(request));
    if (part.status != 206) co_return answer_of(part);
    const auto next = parse_content_range(part.headers.get("Content-Range"));
    if (!next || next->first <= range->first) throw bad_transfer("a part has no Content-Range that goes on");
    all.body += part.body;
    range = next;
  }
  all.status = 200;
  co_return answer_of(all);
}

Task<net::ClientResponse> HttpActions::upload_in_chunks(ActionCall call, SharedValue inputs) {
  net::ClientRequest begin = build(call, *inputs);
  const std::string body = std::move(begin.body);
  const std::string type(begin.headers.get("Content-Type"));
  const std::string origin = begin.url;
  begin.body.clear();
  begin.headers.set("x-ms-transfer-mode", "chunked");
  begin.headers.set("x-ms-content-length", std::to_string(body.size()));
  co_await authorize(*inputs, begin);
  net::ClientResponse answer = co_await start(std::move(begin));
  if (answer.status >= 300) co_return answer;
  std::string location(answer.headers.get("Location"));
  if (location.empty()) throw bad_transfer("the answer names no Location");
  location = resolve_location(origin, location);
  std::size_t chunk = kDefaultChunk;
  for (std::size_t at = 0; at < body.size();) {
    chunk = std::max<std::size_t>(parse_number<std::size_t>(answer.headers.get("x-ms-chunk-size")).value_or(chunk), 1);
    const std::size_t size = std::min(chunk, body.size() - at);
    net::ClientRequest part = build(call, *inputs);
    part.method = "PATCH";
    part.url = location;
    part.body = body.substr(at, size);
    part.headers.set("Content-Type", type.empty() ? "application/octet-stream" : type);
    part.headers.set("Content-Range",
                     "bytes " + std::to_string(at) + "-" + std::to_string(at + size - 1) + "/" + std::to_string(body.size()));
    co_await authorize(*inputs, part);
    answer = co_await start(std::move(part));
    if (answer.status >= 300) co_return answer;
    // What has arrived, where the answer says so.
    const std::size_t arrived = received(answer.headers.get("Range")).value_or(at + size);
    if (arrived <= at || arrived > body.size()) throw bad_transfer("an answer has a Range that does not go on");
    at = arrived;
  }
  co_return answer;
}

Task<ActionAnswer> HttpActions::read_pages(ActionCall call, Value inputs, ActionAnswer first) {
  const auto body = first.outputs.find("body");
  if (body == first.outputs.end() || !body->is_object() || !body->contains("value") || !(*body)["value"].is_array())
    co_return first;
  Value all = (*body)["value"];
  std::string next = text_of(*body, "nextLink");
  if (next.empty()) next = text_of(*body, "@odata.nextLink");
  for (int page = 1; !next.empty() && page < kMaxPages && static_cast<std::int64_t>(all.size()) < call.action->pagination;
       ++page) {
    ActionCall more = call;
    more.location = resolve_location(text_of(inputs, "uri"), next);
    const SharedValue shared = call.inputs;
    const net::ClientResponse response = co_await send(std::move(more), shared);
    ActionAnswer answer = answer_of(response);
    if (response.status != 200) co_return answer;
    const auto content = answer.outputs.find("body");
    if (content == answer.outputs.end() || !content->is_object() || !content->contains("value")) break;
    for (Value& item : (*content)["value"]) all.push_back(std::move(item));
    next = text_of(*content, "nextLink");
    if (next.empty()) next = text_of(*content, "@odata.nextLink");
  }
  first.outputs["body"] = Value{{"value", std::move(all)}};
  co_return first;
}

}  // namespace trunkline::flows
