// Recordings: start, pause, resume, stop, state; the files, under the paths of the storage that the SDKs know.
#include <charconv>
#include <nlohmann/json.hpp>

#include "runtime/api/calls_api.h"
#include "runtime/api/calls_rest.h"
#include "runtime/base/strings.h"
#include "runtime/calls/call_recordings.h"
#include "runtime/calls/call_service.h"

namespace trunkline::api {
namespace {

using calls::CallRecordings;
using calls::CallService;
using nlohmann::json;
using server::RouteContext;

json state_json(const calls::RecordingView& view) {
  json out;
  out["recordingId"] = view.id;
  out["recordingState"] = view.active ? "active" : "inactive";
  out["recordingKind"] = "azureCommunicationServices";
  return out;
}

/// What this runtime cannot record is refused rather than recorded otherwise.
void check_kind(const JsonRef& request, bool mixed) {
  const std::string_view format = request.text_or("recordingFormatType", "wav");
  if (!mixed && !iequals(format, "wav"))
    throw calls::refusal(ErrorCode::kInvalidArgument, 400, 8557, "unmixed sound is recorded as wav only", "recordingFormatType");
  if (!iequals(format, "wav"))
    throw calls::refusal(ErrorCode::kInvalidArgument, 400, 8557, "'" + std::string(format) + "' is not recorded here: wanted wav",
                         "recordingFormatType");
  if (const std::string_view content = request.text_or("recordingContentType", "audio"); !iequals(content, "audio"))
    throw calls::refusal(ErrorCode::kInvalidArgument, 400, 8562,
                         "'" + std::string(content) + "' is not recorded here: wanted audio", "recordingContentType");
  if (const auto storage = request.find("externalStorage");
      storage && iequals(storage->text_or("recordingStorageKind", ""), "azureBlobStorage"))
    throw calls::refusal(ErrorCode::kInvalidArgument, 400, 8562, "recordings are kept here, not in a blob storage",
                         "externalStorage.recordingStorageKind");
}

Task<net::Response> start(CallRecordings& recordings, RouteContext& context) {
  const json body = parse_body(context);
  const JsonRef request(body);
  calls::NewRecording wanted;
  if (const auto connection = request.find("callConnectionId")) {
    wanted.connection_id = connection->text();
  } else {
    const JsonRef locator = request.at("callLocator");
    const JsonRef kind = locator.at("kind");
    if (kind.text() != "serverCallLocator")
      throw kind.error("'" + std::string(kind.text()) + "' cannot be recorded by: wanted serverCallLocator");
    wanted.server_call_id = locator.at("serverCallId").text();
  }
  wanted.callback_uri = request.text_or("recordingStateCallbackUri", "");
  wanted.mixed = !iequals(request.text_or("recordingChannelType", "mixed"), "unmixed");
  wanted.paused = request.boolean_or("pauseOnStart", false);
  wanted.channels = read_parties(request, "audioChannelParticipantOrdering");
  if (const auto affinity = request.find("channelAffinity"))
    for (std::size_t i = 0; i < affinity->array_size() && wanted.channels.size() < CallRecordings::kMaxChannels; ++i)
      wanted.channels.push_back(calls::read_party((*affinity)[i].at("participant")));
  check_kind(request, wanted.mixed);
  co_return json_response(200, state_json(recordings.start(resource_of(context), std::move(wanted))));
}

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
  add_call_route(routes, "POST", "/calling/recordings", [&recordings](RouteContext& c) { return start(recordings, c); });
  add_call_route(routes, "GET", "/calling/recordings/{recordingId}", [&recordings](RouteContext& context) -> Task<net::Response> {
    co_return json_response(200, state_json(recordings.get(*resource_of(context), context.param("recordingId"))));
  });
  add_call_route(routes, "DELETE", "/calling/recordings/{recordingId}",
                 [&recordings](RouteContext& context) -> Task<net::Response> {
                   recordings.stop(*resource_of(context), context.param("recordingId"));
                   co_return empty_response(204);
                 });
  add_call_route(routes, "POST", "/calling/recordings/{recordingId}:pause",
                 [&recordings](RouteContext& context) -> Task<net::Response> {
                   recordings.pause(*resource_of(context), context.param("recordingId"));
                   co_return empty_response(202);
                 });
  add_call_route(routes, "POST", "/calling/recordings/{recordingId}:resume",
                 [&recordings](RouteContext& context) -> Task<net::Response> {
                   recordings.resume(*resource_of(context), context.param("recordingId"));
                   co_return empty_response(202);
                 });
  add_file_route(routes, "GET", "/v1/objects/{documentId}/content/audio",
                 [&recordings](RouteContext& context) -> Task<net::Response> {
                   const calls::RecordedFile file = recordings.file(*resource_of(context), context.param("documentId"));
                   const auto part = [&file](std::size_t at, std::size_t count) { return file.read(at, count); };
                   co_return bytes_response(context.request, file.size, "audio/wav", part);
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
