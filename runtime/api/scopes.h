// What the scopes of a user access token allow.
#pragma once
#include "runtime/server/route.h"

namespace trunkline::api {

enum class Right {
  kChat,              // read and take part: chat, chat.join, chat.join.limited
  kChatParticipants,  // add and remove participants: chat, chat.join
  kChatThreads,       // create, update and delete threads: chat
  kCall,              // take part in calls: voip, voip.join
  kCallStart,         // start calls: voip
};

/// Throws kPermissionDenied (403 Forbidden), naming the scopes that would do. For routes with Auth::kUserToken.
void require_right(const server::RouteContext& context, Right right);

}  // namespace trunkline::api
