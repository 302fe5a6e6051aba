// The rows of topics and system topics. Only SQL; the rules live in EventTopicService and SystemTopics.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/eventgrid/topic_service.h"

namespace trunkline::eventgrid::topic_records {

/// Row key in the log: below zero, so that it never meets the key of a resource. What a commit tells its listeners is keys alone,
/// whichever database they are of.
inline std::int64_t source_key(std::int64_t topic_key) { return -topic_key; }
inline std::int64_t topic_key(const EventTopic& topic) { return -topic.source.key; }

/// Oldest first; of the source only the key is set.
std::vector<std::shared_ptr<EventTopic>> load(store::Session& session);
std::vector<SystemTopic> load_system(store::Session& session);

/// All of these: [writer thread, re-runnable]
/// Returns the key of the topic; never given twice.
std::int64_t insert(store::Session& session, const EventTopic& topic);
void update(store::Session& session, const EventTopic& topic);
void remove(store::Session& session, std::int64_t topic_key);
bool exists(store::Session& session, std::int64_t topic_key);
void put_system(store::Session& session, const SystemTopic& topic);
void remove_system(store::Session& session, const SystemTopic& topic);

}  // namespace trunkline::eventgrid::topic_records
