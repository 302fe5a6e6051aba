// The open stream of chat: JSON over a WebSocket or server-sent events.
#pragma once
#include "runtime/net/stream.h"
#include "runtime/services/chat_stream.h"

namespace trunkline::realtime {

/// `{"cursor":"17","type":"Microsoft.Communication.…InThread","time":…,"subject":…,"data":{…}}`
net::SharedBytes render_socket_event(const ChatDelivery& delivery);
/// The same as a server-sent event whose id is the cursor.
net::SharedBytes render_stream_event(const ChatDelivery& delivery);

}  // namespace trunkline::realtime
