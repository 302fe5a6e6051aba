#include "people.h"

#include <openssl/rand.h>

#include <nlohmann/json.hpp>

#include "trunkline/jose.hpp"

namespace identity_oidc {

using nlohmann::json;
using trunkline::AsyncMutex;
using trunkline::Bytes;
using trunkline::Duration;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Task;
using trunkline::Time;
using trunkline::host::StoreBatch;
using trunkline::host::StoreEntry;
using trunkline::host::StoreRange;

namespace {

constexpr std::string_view kUsers = "user/";
constexpr std::string_view kUsersEnd = "user0";  // behind the last of them

/// Subjects are up to their issuer, keys are not.
std::string subject_key(std::string_view subject) {
  return "subject/" + trunkline::jose::base64url(trunkline::jose::sha256(subject));
}
std::string user_key(std::string_view user_id) { return std::string(kUsers).append(user_id); }
std::string cache_key(std::string_view resource_id, std::string_view subject) {
  return std::string(resource_id).append("\n").append(subject);
}

std::string random_uuid() {
  std::array<unsigned char, 16> bytes;
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) throw Error(ErrorCode::kInternal, "no random numbers");
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

std::int64_t seconds(Time time) { return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count(); }

Bytes to_bytes(const Person& person) {
  const json object = {{"subject", person.subject},
                       {"user_id", person.user_id},
                       {"created_ns", person.created_at.time_since_epoch().count()},
                       {"refused_until", person.refused_until}};
  const std::string text = object.dump();
  return {text.begin(), text.end()};
}

std::shared_ptr<Person> from_bytes(const Bytes& bytes) {
  try {
    const json object = json::parse(bytes);
    auto person = std::make_shared<Person>();
    person->subject = object.at("subject").get<std::string>();
    person->user_id = object.at("user_id").get<std::string>();
    person->created_at = Time{Duration{object.at("created_ns").get<std::int64_t>()}};
    person->refused_until = object.at("refused_until").get<std::int64_t>();
    return person;
  } catch (const json::exception& error) {
    throw Error(ErrorCode::kDataLoss, std::string("a stored user cannot be read: ") + error.what());
  }
}

}  // namespace

AsyncMutex& People::lock_of(std::string_view resource_id, std::string_view subject) {
  return locks_[(std::hash<std::string_view>()(resource_id) * 31 + std::hash<std::string_view>()(subject)) % locks_.size()];
}

PersonPtr People::cached(const std::string& resource_id, const std::string& subject, std::int64_t epoch) {
  const PersonPtr person = cache_.find(cache_key(resource_id, subject));
  return person && person->epoch == epoch ? person : nullptr;
}

Task<PersonPtr> People::load(std::string resource_id, std::string subject) {
  const std::int64_t epoch = store_.epoch(resource_id);
  if (PersonPtr person = cached(resource_id, subject, epoch)) co_return person;
  try {
    const std::string key = subject_key(subject);
    const Bytes bytes = co_await store_.get(resource_id, key);
    const std::shared_ptr<Person> person = from_bytes(bytes);
    person->epoch = epoch;
    cache_.put(cache_key(resource_id, subject), person, cache_.clears());
    co_return person;
  } catch (const Error& error) {
    if (error.code != ErrorCode::kNotFound) throw;
  }
  co_return nullptr;
}

Task<void> People::save(std::string resource_id, std::shared_ptr<Person> person, std::string former_user_id) {
  const std::string key = subject_key(person->subject);
  StoreBatch batch;
  batch.puts.push_back({key, to_bytes(*person)});
  if (!person->user_id.empty()) batch.puts.push_back({user_key(person->user_id), Bytes(person->subject.begin(), person->subject.end())});
  if (!former_user_id.empty() && former_user_id != person->user_id) batch.removes.push_back(user_key(former_user_id));
  person->epoch = store_.epoch(resource_id);
  co_await store_.commit(resource_id, std::move(batch));
  cache_.put(cache_key(resource_id, person->subject), person, cache_.clears());
}

Task<PersonPtr> People::admit(std::string resource_id, std::string subject, std::int64_t issued_at) {
  PersonPtr known = cached(resource_id, subject, store_.epoch(resource_id));
  if (!known || known->user_id.empty()) {
    const AsyncMutex::Lock lock = co_await lock_of(resource_id, subject).lock();
    known = co_await load(resource_id, subject);
    if (!known || (known->user_id.empty() && issued_at > known->refused_until)) {
      auto made = std::make_shared<Person>();
      made->subject = subject;
      made->user_id = "8:acs:" + resource_id + "_" + random_uuid();
      made->created_at = clock_.now();
      made->refused_until = known ? known->refused_until : 0;
      co_await save(resource_id, made, "");
      known = std::move(made);
    }
  }
  co_return known->user_id.empty() || issued_at <= known->refused_until ? nullptr : known;
}

Task<PersonPtr> People::find(std::string resource_id, std::string subject) {
  const AsyncMutex::Lock lock = co_await lock_of(resource_id, subject).lock();
  PersonPtr person = co_await load(resource_id, subject);
  co_return person && !person->user_id.empty() ? person : nullptr;
}

Task<PersonPtr> People::find_user(std::string resource_id, std::string user_id) {
  if (user_id.size() > 256) co_return nullptr;
  std::string subject;
  try {
    const std::string key = user_key(user_id);
    const Bytes bytes = co_await store_.get(resource_id, key);
    subject.assign(bytes.begin(), bytes.end());
  } catch (const Error& error) {
    if (error.code != ErrorCode::kNotFound) throw;
    co_return nullptr;
  }
  PersonPtr person = co_await find(std::move(resource_id), std::move(subject));
  co_return person && person->user_id == user_id ? person : nullptr;
}

Task<std::vector<PersonPtr>> People::list(std::string resource_id, std::string after, std::int32_t limit) {
  StoreRange range;
  range.from = after.empty() ? std::string(kUsers) : user_key(after) + '\0';
  range.to = std::string(kUsersEnd);
  range.limit = limit;
  const std::vector<StoreEntry> entries = co_await store_.scan(resource_id, range);
  std::vector<PersonPtr> people;
  for (const StoreEntry& entry : entries) {
    std::string subject(entry.value.begin(), entry.value.end());
    PersonPtr person = co_await find(resource_id, std::move(subject));
    if (person) people.push_back(std::move(person));
  }
  co_return people;
}

Task<void> People::refuse(std::string resource_id, std::string user_id, bool remove) {
  const PersonPtr found = co_await find_user(resource_id, user_id);
  if (!found) throw Error(ErrorCode::kNotFound, "there is no user " + user_id.substr(0, 256), "userId");
  const AsyncMutex::Lock lock = co_await lock_of(resource_id, found->subject).lock();
  const PersonPtr now_known = co_await load(resource_id, found->subject);
  if (!now_known || now_known->user_id != user_id)
    throw Error(ErrorCode::kNotFound, "there is no user " + user_id.substr(0, 256), "userId");
  auto changed = std::make_shared<Person>(*now_known);
  changed->refused_until = seconds(clock_.now());
  if (remove) changed->user_id.clear();
  co_await save(std::move(resource_id), std::move(changed), std::move(user_id));
}

}  // namespace identity_oidc
