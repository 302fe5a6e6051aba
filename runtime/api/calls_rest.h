// What the routes of calls read and write in common.
#pragma once
#include <initializer_list>
#include <string>
#include <vector>

#include "runtime/api/rest.h"
#include "runtime/base/json.h"
#include "runtime/calls/requests.h"

namespace trunkline::calls {
struct CallResult;
}

namespace trunkline::api {

/// Published versions of Call Automation.
std::vector<std::string> call_versions();

template <class F>
void add_call_route(std::vector<server::Route>& routes, const char* method, const char* path, F handler) {
  server::Route route;
  route.method = method;
  route.path = path;
  route.auth = server::Auth::kAccessKey;
  route.body = std::string_view(method) == "POST" ? server::BodyRule::kJson : server::BodyRule::kAny;
  route.versions = call_versions();
  route.handler = std::move(handler);
  routes.push_back(std::move(route));
}

calls::OperationTag read_tag(const JsonRef& body);
calls::CustomContext read_custom_context(const JsonRef& body);
std::optional<calls::Party> find_party(const JsonRef& body, const char* name);
std::optional<calls::Party> find_phone(const JsonRef& body, const char* name);
std::vector<calls::Party> read_parties(const JsonRef& body, const char* name);
/// callbackUri, operationContext, mediaStreamingOptions and transcriptionOptions.
calls::ConnectionSpec read_connection(const JsonRef& body);
/// One of playSources.
calls::PlaySource read_play_source(const JsonRef& value);
std::vector<calls::PlaySource> read_play_sources(const JsonRef& body, const char* name);
/// `zero`, `asterisk`, … as digits.
std::string read_tones(const JsonRef& list);

nlohmann::json connection_json(const calls::ConnectionView& view);
nlohmann::json participant_json(const calls::ParticipantView& view);
/// `{"operationContext":…}`; the member is left out when there is none.
nlohmann::json context_json(const calls::OperationTag& tag);

}  // namespace trunkline::api
