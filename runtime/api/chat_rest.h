// What the three parts of the chat API share: routes, callers, pages, and the JSON of its types.
#pragma once
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "runtime/api/rest.h"
#include "runtime/base/json.h"
#include "runtime/services/chat_service.h"

namespace trunkline::api {

/// A route in all published versions, for user tokens.
server::Route chat_route(const char* method, const char* path, server::BodyRule body = server::BodyRule::kNone);
ChatActor actor_of(const server::RouteContext& context);
/// `maxPageSize`, `skip`, `startTime` and the continuation of a nextLink.
chat::PageRequest page_of(const server::RouteContext& context, std::int32_t default_size);
/// `{value, nextLink?}`. The link is relative, which every client of Azure follows.
net::Response page_response(const server::RouteContext& context, nlohmann::json value, const std::optional<std::string>& cursor);

/// Of a communicationIdentifier in any of its forms.
std::string parse_identifier(const JsonRef& identifier);
std::vector<chat::Participant> parse_participants(const JsonRef& list);
Properties parse_metadata(const JsonRef& metadata);
/// The members of a merge patch (RFC 7396): a null removes.
void parse_metadata_patch(const JsonRef& request, std::optional<Properties>& set,
                          std::optional<std::vector<std::string>>& remove);
/// Days; 0 for the kind `none`.
std::int32_t parse_retention(const JsonRef& policy);

nlohmann::json identifier_json(const std::string& raw_id);
nlohmann::json to_json(const chat::Participant& participant);
nlohmann::json to_json(const chat::ChatThread& thread);
nlohmann::json to_json(const chat::ChatMessage& message);
nlohmann::json to_json(const std::vector<chat::InvalidParticipant>& invalid);

void add_chat_thread_routes(std::vector<server::Route>& routes, ChatService& chat);
void add_chat_message_routes(std::vector<server::Route>& routes, ChatService& chat);
void add_chat_participant_routes(std::vector<server::Route>& routes, ChatService& chat);

}  // namespace trunkline::api
