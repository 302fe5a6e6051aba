// Files of recordings, under the paths of the storage that the SDKs know.
#include <charconv>
#include <nlohmann/json.hpp>

#include "runtime/api/calls_api.h"
#include "runtime/api/rest.h"
#include "runtime/base/strings.h"
#include "runtime/calls/call_recordings.h"
#include "runtime/calls/call_service.h"

namespace trunkline::api {
namespace {

using calls::CallRecordings;
using calls::CallService;
using nlohmann::json;
using server::RouteContext;

/// `bytes=8-11`, `bytes=8-`, `bytes=-10`; nullopt: none that we understand, which is as if there were none.
std::optional<std::pair<std::size_t, std::size_t>> read_range(std::string_view header, std::size_t size) {
  if (!header.starts_with("bytes=") || header.find(',') != header.npos) return std::nullopt;
  header.remove_prefix(6);
  const auto dash = header.find('-');
  if (dash == header.npos) return std::nullopt;
  const auto first = parse_number<std::size_t>(header.substr(0, dash));
  const auto last = parse_number<std::size_t>(header.substr(dash + 1));
  if (dash == 0) {
    if (!last) return std::nullopt;
    return std::pair(size - std::min(*last, size), size);
  }
  if (!first || (!last && dash + 1 < header.size())) return std::nullopt;
  return std::pair(*first, std::min(last ? *last + 1 : size, size));
}

/// `read(at, count)` gives a part of the `size` bytes.
template <class F>
net::Response bytes_response(const net::Request& request, std::size_t size, const char* type, F read) {
  net::Response response;
  response.content_type = type;
  response.headers.set("Accept-Ranges", "bytes");
  std::string_view header = request.headers.get("Range");
  if (header.empty()) header = request.headers.get("x-ms-range");
  const auto range = read_range(header, size);
  if (!range) {
    response.body = read(0, size);
    return response;
  }
  const auto [begin, end] = *range;
  if (begin >= end)
    throw Error(ErrorCode::kOutOfRange, "the file has " + std::to_string(size) + " bytes", "Range").with_http_status(416);
  response.status = 206;
  response.headers.set("Content-Range",
                       "bytes " + std::to_string(begin) + "-" + std::to_string(end - 1) + "/" + std::to_string(size));
  response.body = read(begin, end - begin);
  return response;
}

template <class F>
void add_file_route(std::vector<server::Route>& routes, const char* method, const char* path, F handler) {
  server::Route route;
  route.method = method;
  route.path = path;
  route.auth = server::Auth::kAccessKey;
  route.body = server::BodyRule::kAny;
  route.handler = std::move(handler);
  routes.push_back(std::move(route));
}

}  // namespace

void add_call_recording_routes(std::vector<server::Route>& routes, CallService& calls) {
  CallRecordings& recordings = calls.recordings();
  add_file_route(routes, "GET", "/v1/objects/{documentId}/content/audio",
                 [&recordings](RouteContext& context) -> Task<net::Response> {
                   const calls::RecordedFile file = recordings.file(*resource_of(context), context.param("documentId"));
                   const auto part = [&file](std::size_t at, std::size_t count) { return file.read(at, count); };
                   const bool mp3 = file.format == calls::RecordingFormat::kMp3;
                   co_return bytes_response(context.request, file.size, mp3 ? "audio/mpeg" : "audio/wav", part);
                 });
  add_file_route(routes, "GET", "/v1/objects/{documentId}/content/acsmetadata",
                 [&recordings](RouteContext& context) -> Task<net::Response> {
                   const calls::RecordedFile file = recordings.file(*resource_of(context), context.param("documentId"));
                   const auto part = [&file](std::size_t at, std::size_t count) { return file.metadata.substr(at, count); };
                   co_return bytes_response(context.request, file.metadata.size(), "application/json", part);
                 });
  add_file_route(routes, "DELETE", "/v1/objects/{documentId}", [&recordings](RouteContext& context) -> Task<net::Response> {
    co_await recordings.drop(resource_of(context), context.param("documentId"));
    co_return empty_response(200);
  });
}

}  // namespace trunkline::api
