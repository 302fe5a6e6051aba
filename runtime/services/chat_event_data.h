// Changes of chat as events of the log, and back.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "runtime/events/event_log.h"
#include "trunkline/chat.hpp"

namespace trunkline {

/// Types under which changes are logged, one row a change: the in-thread types that Azure publishes, and one of our own for read
/// receipts, which Azure has no event for.
std::span<const std::string_view> chat_event_types();
inline constexpr std::string_view kReadReceiptEvent = "Trunkline.Communication.ChatReadReceiptReceivedInThread";

/// Type, subject, time and data; id, topic and trace are the caller's. A change of an unknown kind gives an empty type.
NewEvent chat_event(const chat::ChatChange& change, std::string_view transaction_id);
/// The change that an event was made from; nullopt for another type or damaged data.
std::optional<chat::ChatChange> parse_chat_event(const Event& event);

/// `{"rawId":..,"communicationUser":{"id":..}}`
void append_identifier(std::string& out, std::string_view raw_id);

}  // namespace trunkline
