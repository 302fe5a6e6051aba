#include "runtime/api/scopes.h"

#include <initializer_list>

namespace trunkline::api {
namespace {

struct Rule {
  Right right;
  std::initializer_list<std::string_view> scopes;
};

// Each right with every scope that holds it, as published for the scopes of a communication identity.
const Rule kRules[] = {
    {Right::kChat, {"chat", "chat.join", "chat.join.limited"}},
    {Right::kChatParticipants, {"chat", "chat.join"}},
    {Right::kChatThreads, {"chat"}},
    {Right::kCall, {"voip", "voip.join"}},
    {Right::kCallStart, {"voip"}},
};

}  // namespace

void require_right(const server::RouteContext& context, Right right) {
  for (const Rule& rule : kRules) {
    if (rule.right != right) continue;
    std::string wanted;
    for (const std::string_view scope : rule.scopes) {
      if (context.caller.has_scope(scope)) return;
      wanted += (wanted.empty() ? "" : ", ") + std::string(scope);
    }
    throw Error(ErrorCode::kPermissionDenied,
                "The token does not have the scope that this operation needs; wanted: " + wanted + ".", "authorization")
        .with_http_status(403)
        .with_service_code("Forbidden");
  }
}

}  // namespace trunkline::api
