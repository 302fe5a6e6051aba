#include "runtime/services/chat_expander.h"

#include <array>
#include <nlohmann/json.hpp>

#include "runtime/base/strings.h"
#include "runtime/services/chat_event_data.h"
#include "runtime/services/chat_members.h"
#include "runtime/services/chat_stream.h"

namespace trunkline {
namespace {

using nlohmann::json;

struct Family {
  std::string_view thread_type;  // as it is logged
  std::string_view user_type;
  bool for_actor;           // whoever caused it gets it too
  std::string_view people;  // `participantsAdded`: one event for each of them
  std::string_view person;
};

#define ACS "Microsoft.Communication."
constexpr std::array kFamilies = {
    Family{ACS "ChatMessageReceivedInThread", ACS "ChatMessageReceived", false, {}, {}},
    Family{ACS "ChatMessageEditedInThread", ACS "ChatMessageEdited", false, {}, {}},
    Family{ACS "ChatMessageDeletedInThread", ACS "ChatMessageDeleted", false, {}, {}},
    Family{ACS "ChatThreadCreated", ACS "ChatThreadCreatedWithUser", true, {}, {}},
    Family{ACS "ChatThreadPropertiesUpdated", ACS "ChatThreadPropertiesUpdatedPerUser", true, {}, {}},
    Family{ACS "ChatThreadDeleted", ACS "ChatThreadWithUserDeleted", true, {}, {}},
    Family{ACS "ChatThreadParticipantAdded", ACS "ChatParticipantAddedToThreadWithUser", true, "participantsAdded",
           "participantAdded"},
    Family{ACS "ChatThreadParticipantRemoved", ACS "ChatParticipantRemovedFromThreadWithUser", true, "participantsRemoved",
           "participantRemoved"},
};
#undef ACS

const Family* family_of(std::string_view type) {
  for (const Family& family : kFamilies)
    if (iequals(family.thread_type, type)) return &family;
  return nullptr;
}

Event part(const Event& event, std::string_view type, std::string subject, const json& data, int number) {
  Event made = event;
  made.id = events::part_id(event.id, number);
  made.type = type;
  made.subject = std::move(subject);
  made.data = data.dump(-1, ' ', false, json::error_handler_t::replace);
  return made;
}

const std::string& raw_id_of(const json& person) {
  return person["participantCommunicationIdentifier"]["rawId"].get_ref<const std::string&>();
}

// `thread/{id}/participantadded/{user}` for one of several people.
std::string thread_subject(const Event& event, const Family& family, const json& person) {
  if (family.people.empty()) return event.subject;
  return event.subject.substr(0, event.subject.rfind('/') + 1) + raw_id_of(person);
}

// Of the user's event, but for its recipient: `thread/{id}/participantAdded/{user}`. The two are spelt differently.
std::string user_subject(const Event& event, const Family& family, const json& person) {
  if (family.people.empty()) return event.subject;
  const std::string::size_type id = event.subject.rfind('/'), kind = event.subject.rfind('/', id - 1);
  return event.subject.substr(0, kind + 1).append(family.person).append("/").append(raw_id_of(person));
}

json identifier(const std::string& raw_id) {
  std::string text;
  append_identifier(text, raw_id);
  return json::parse(text);
}

}  // namespace

std::vector<std::string> ChatEventExpander::types_from(std::string_view type) const {
  const Family* family = family_of(type);
  if (!family) return {};
  std::vector<std::string> types{std::string(family->user_type)};
  if (!family->people.empty()) types.emplace_back(family->thread_type);
  return types;
}

ResourcePtr ChatEventExpander::resource_of(const Event& event) const {
  const std::string::size_type slash = event.topic.rfind('/');
  const ResourcePtr resource = slash == std::string::npos ? nullptr : resources_.find(event.topic.substr(slash + 1));
  return resource && iequals(resource->arm_id, event.topic) ? resource : nullptr;
}

std::vector<Event> ChatEventExpander::expand(const Event& event) const {
  std::vector<Event> parts;
  const Family* family = family_of(event.type);
  const ResourcePtr resource = family ? resource_of(event) : nullptr;
  const std::optional<chat::ChatChange> change = resource ? parse_chat_event(event) : std::nullopt;
  if (!change) return parts;
  json data = json::parse(event.data);
  std::vector<json> people(1);
  if (!family->people.empty()) {
    people.clear();
    const auto all = data.find(family->people);
    if (all == data.end())
      people.push_back(data[std::string(family->person)]);
    else
      for (json& person : *all) people.push_back(person);
    data.erase(std::string(family->people));
  }
  int number = 0;
  const std::vector<ChatStay> stays = chat_members::at(*resource, thread_of(*change), event.sequence);
  for (std::size_t i = 0; i < people.size(); ++i) {
    const std::string subject = thread_subject(event, *family, people[i]);
    const std::string of_users = user_subject(event, *family, people[i]) + "/recipient/";
    if (!family->people.empty()) data[std::string(family->person)] = people[i];
    // The event itself stands for the first of them.
    if (i > 0) parts.push_back(part(event, family->thread_type, subject, data, ++number));
    for (const ChatStay& stay : stays) {
      if (!family->for_actor && stay.user_id == actor_of(*change)) continue;
      if (!may_see(*change, stay.share_history)) continue;
      json own = data;
      own["recipientCommunicationIdentifier"] = identifier(stay.user_id);
      parts.push_back(part(event, family->user_type, of_users + stay.user_id, own, ++number));
    }
  }
  return parts;
}

}  // namespace trunkline
