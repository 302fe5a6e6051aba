// Chat over HTTP.
#pragma once
#include <vector>

#include "runtime/server/route.h"

namespace trunkline {
class ChatService;
}

namespace trunkline::api {

void add_chat_routes(std::vector<server::Route>& routes, ChatService& chat);

}  // namespace trunkline::api
