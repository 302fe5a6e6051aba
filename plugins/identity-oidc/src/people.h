// Which communication user a subject of the issuer is.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trunkline/async_mutex.hpp"
#include "trunkline/lru_cache.hpp"
#include "trunkline/plugin_host.hpp"

namespace identity_oidc {

/// What is kept of one subject. Immutable.
struct Person {
  std::string subject;
  std::string user_id;  // empty: the user was deleted, and only `refused_until` is left
  trunkline::Time created_at;
  /// Tokens that were issued at or before this are refused; seconds, as `iat` has.
  std::int64_t refused_until = 0;
  std::int64_t epoch = 0;  // of the rows that it was read from
};
using PersonPtr = std::shared_ptr<const Person>;

/// In the storage of each resource, so that a fork has the same users. Durable when an operation completes. [any-thread]
class People {
 public:
  People(trunkline::Host host, std::size_t cached)
      : store_(host.resource_store()), clock_(host.clock()), cache_(cached) {}

  /// The user of a subject; made when a token of `issued_at` (seconds) is good for making one. Null: the token is refused.
  trunkline::Task<PersonPtr> admit(std::string resource_id, std::string subject, std::int64_t issued_at);
  /// Null: there is none.
  trunkline::Task<PersonPtr> find(std::string resource_id, std::string subject);
  trunkline::Task<PersonPtr> find_user(std::string resource_id, std::string user_id);
  trunkline::Task<std::vector<PersonPtr>> list(std::string resource_id, std::string after, std::int32_t limit);
  /// Refuses every token that was issued up to now. Throws kNotFound.
  trunkline::Task<void> refuse(std::string resource_id, std::string user_id, bool remove);

 private:
  trunkline::Task<PersonPtr> load(std::string resource_id, std::string subject);  // with the subject's lock held
  trunkline::Task<void> save(std::string resource_id, std::shared_ptr<Person> person, std::string former_user_id);
  trunkline::AsyncMutex& lock_of(std::string_view resource_id, std::string_view subject);
  PersonPtr cached(const std::string& resource_id, const std::string& subject, std::int64_t epoch);

  const trunkline::host::ResourceStoreClient store_;
  const trunkline::host::ClockClient clock_;
  std::array<trunkline::AsyncMutex, 64> locks_;
  trunkline::LruCache<Person> cache_;  // by resource and subject; filled and changed with the subject's lock held
};

}  // namespace identity_oidc
