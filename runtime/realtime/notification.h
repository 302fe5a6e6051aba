// Changes of chat as the official chat client expects them.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/net/stream.h"
#include "runtime/services/chat_stream.h"

namespace trunkline::realtime {

/// The part of a notification that all receivers share; nullptr for a change that this client has no event for.
net::SharedBytes render_notification(const ChatDelivery& delivery);
/// The part before it: number of the notification on its connection, path of the connection, raw id of the receiver.
std::string notification_head(std::int64_t id, std::string_view path, std::string_view recipient);

}  // namespace trunkline::realtime
