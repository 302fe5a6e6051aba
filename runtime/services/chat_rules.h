// What chat takes: scopes of tokens, and the form of requests.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "runtime/services/resource.h"
#include "trunkline/chat.hpp"

namespace trunkline {

/// On whose behalf, and what the token allows.
struct ChatActor {
  std::string user_id;
  /// REST words: `chat`, `chat.join`, `chat.join.limited`.
  std::vector<std::string> scopes;
  std::string traceparent;

  /// Of a caller who needs no token: in-process.
  static ChatActor trusted(std::string user_id) { return {std::move(user_id), {"chat"}, {}}; }
};

namespace chat_rules {

inline constexpr std::size_t kMaxTopic = 250;                          // characters
inline constexpr std::size_t kMaxContent = 28 * 1024;                  // bytes, with metadata and attachments
inline constexpr std::size_t kMaxMetadata = 1024;                      // bytes of one participant's or thread's pairs
inline constexpr std::size_t kMaxDisplayName = 256;                    // bytes
inline constexpr std::size_t kMaxBatch = 200;                          // participants of one call
inline constexpr std::size_t kMaxId = 256;                             // bytes
inline constexpr std::int32_t kMinRetention = 30, kMaxRetention = 90;  // days
inline constexpr std::int32_t kMaxPage = 200;

/// What an operation needs of a token.
enum class Right {
  kTakePart,            // any chat scope
  kManageParticipants,  // `chat` or `chat.join`
  kManageThreads,       // `chat`
};
/// Throws kPermissionDenied.
void require(const ChatActor& actor, Right right);

/// Each throws kInvalidArgument with the field at fault, in the names of the REST API.
void check(const chat::CreateThreadRequest& request);
void check(const chat::ThreadUpdate& update);
void check_batch(const std::vector<chat::Participant>& participants);
void check(const chat::SendMessageRequest& request);
void check(const chat::MessageUpdate& update);
void check(const chat::PageRequest& page);
void check_display_name(const std::optional<std::string>& name, const char* field);
/// An id of a thread or message that no provider made need not be asked for.
bool is_plain_id(std::string_view id);

/// Whether a participant is a user of this runtime; others, when there are any, are the provider's own.
bool is_communication_user(std::string_view raw_id);
/// Takes out those who cannot take part in threads of this resource. `foreigners`: the provider takes who is no communication
/// user, and decides about them.
std::vector<chat::InvalidParticipant> remove_strangers(const Resource& resource, std::vector<chat::Participant>& participants,
                                                       bool foreigners);

}  // namespace chat_rules
}  // namespace trunkline
