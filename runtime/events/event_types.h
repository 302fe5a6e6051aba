// The event types of communication resources, as the event subscriptions of Azure name them.
#pragma once
#include <span>
#include <string>
#include <string_view>

namespace trunkline::events {

struct EventType {
  std::string_view name;
  /// The subject with the parts that vary in braces; empty: not published.
  std::string_view subject;
};

inline constexpr std::string_view kDataVersion = "1.0";
inline constexpr std::string_view kMetadataVersion = "1";

/// By name. Types of services that are not built yet are among them: one may subscribe to what is still to come.
std::span<const EventType> communication_event_types();
/// Null: not one of them. Names compare without case.
const EventType* find_event_type(std::string_view name);
/// `Microsoft.Communication.SMSReceived` for `SMSReceived`, in any case; other names as they are.
std::string full_event_type(std::string name);

}  // namespace trunkline::events
