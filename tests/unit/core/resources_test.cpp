// Resources are isolated worlds; create, fork and drop are cheap.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "runtime/services/identity_service.h"
#include "runtime/services/number_service.h"
#include "runtime/services/token_watch.h"
#include "tests/unit/core/runtime_fixture.h"

namespace trunkline {
namespace {

using namespace std::chrono_literals;

class Resources : public RuntimeTest {
 protected:
  void SetUp() override { open(test_config(kSandbox)); }
  ResourcePtr create(const std::string& name, const std::string& location = "United States") {
    ResourceSpec spec;
    spec.name = name;
    spec.data_location = location;
    return sync_wait(runtime_->resources().create(std::move(spec)));
  }
};

TEST_F(Resources, HaveKeysOfTheirOwn) {
  const auto a = create("a"), b = create("b");
  EXPECT_NE(a->id, b->id);
  EXPECT_NE(a->primary_key.reveal(), b->primary_key.reveal());
  EXPECT_NE(a->primary_key.reveal(), a->secondary_key.reveal());
}

TEST_F(Resources, WhatAKeyHasOpenedEndsWithIt) {
  std::string told;
  const auto watch = [&](const char* key, std::int64_t resource) {
    runtime_->token_watch().watch(resource, TokenWatch::holder_of_key(key), [&told, key] { told += key; });
  };
  const auto other = create("other");
  watch("primary", other->key);
  const auto opened = [&] {
    told.clear();
    watch("primary", resource_->key);
    watch("secondary", resource_->key);
  };
  const auto change = [&](bool local_auth) {
    sync_wait(runtime_->resources().update("world", [local_auth](Resource& resource) { resource.local_auth = local_auth; }));
  };
  opened();
  change(true);
  EXPECT_EQ(told, "");
  sync_wait(runtime_->resources().regenerate_key("world", KeyKind::kSecondary));
  EXPECT_EQ(told, "secondary");
  sync_wait(runtime_->resources().regenerate_key("world", KeyKind::kPrimary));
  EXPECT_EQ(told, "secondaryprimary");
  opened();
  change(false);
  EXPECT_EQ(told, "primarysecondary");
  opened();
  change(true);
  EXPECT_EQ(told, "") << "what was shut already";
}

TEST_F(Resources, NamesAreUniqueAndChecked) {
  create("a");
  EXPECT_THROW(create("a"), Error);
  EXPECT_THROW(create(""), Error);
  EXPECT_THROW(create("a/b"), Error);
  EXPECT_THROW(create("c", "Atlantis"), Error);
  EXPECT_EQ(runtime_->resources().find("c"), nullptr);
}

TEST_F(Resources, NothingIsSharedBetweenTwo) {
  const auto other = create("other");
  send(submission({kPhone}));
  advance(1s);
  EXPECT_EQ(events().size(), 1u);
  EXPECT_TRUE(runtime_->events().read(*other->database, other->key, {}, 0, 10).empty());
  EXPECT_TRUE(runtime_->sms().list(*other, 10, std::nullopt).items.empty());
  EXPECT_TRUE(runtime_->numbers().list(*other).empty());
  EXPECT_TRUE(sync_wait(runtime_->sandbox().phones(other)).empty());
  EXPECT_THROW(sync_wait(runtime_->sms().send(other, submission({kPhone}))), Error) << "it owns no number";
}

TEST_F(Resources, AForkHasEverythingAndGoesItsOwnWay) {
  const std::string id = *send(submission({kPhone}))[0].message_id;
  advance(1s);
  const auto fork = sync_wait(runtime_->resources().fork("world", "copy"));
  EXPECT_NE(fork->id, resource_->id);
  EXPECT_EQ(runtime_->numbers().list(*fork).size(), runtime_->numbers().list(*resource_).size());
  EXPECT_EQ(runtime_->sms().get(*fork, id).state, sms::MessageState::kDelivered);
  EXPECT_EQ(runtime_->events().read(*fork->database, fork->key, {}, 0, 10).size(), 1u);
  sync_wait(runtime_->sms().send(fork, submission({kPhone})));
  advance(1s);
  EXPECT_EQ(runtime_->events().read(*fork->database, fork->key, {}, 0, 10).size(), 2u);
  EXPECT_EQ(events().size(), 1u);
}

TEST_F(Resources, ADroppedOneIsGone) {
  const auto fork = sync_wait(runtime_->resources().fork("world", "copy"));
  sync_wait(runtime_->resources().drop("copy"));
  EXPECT_EQ(runtime_->resources().find("copy"), nullptr);
  EXPECT_TRUE(runtime_->events().read(*fork->database, fork->key, {}, 0, 10).empty());
  EXPECT_THROW(sync_wait(runtime_->resources().drop("copy")), Error);
  EXPECT_NE(create("copy")->key, fork->key);
}

TEST_F(Resources, AThousandAreFine) {
  for (int i = 0; i < 1000; ++i) create("r" + std::to_string(i));
  EXPECT_EQ(runtime_->resources().list().size(), 1001u);
  for (int i = 0; i < 1000; ++i) sync_wait(runtime_->resources().drop("r" + std::to_string(i)));
  EXPECT_EQ(runtime_->resources().list().size(), 1u);
}

TEST_F(Resources, BuyListAndReleaseNumbers) {
  service::NumberQuery query;
  query.quantity = 2;
  const HeldNumbers held = sync_wait(runtime_->numbers().search(resource_, query));
  const HeldNumbers others = sync_wait(runtime_->numbers().search(resource_, query));
  for (const auto& number : held.search.numbers)
    EXPECT_EQ(std::count(others.search.numbers.begin(), others.search.numbers.end(), number), 0);
  const auto bought = sync_wait(runtime_->numbers().purchase(resource_, held.search.search_id, false));
  EXPECT_EQ(bought.size(), 2u);
  EXPECT_TRUE(runtime_->numbers().find(*resource_, bought[0].number));
  EXPECT_THROW(sync_wait(runtime_->numbers().purchase(resource_, held.search.search_id, false)), Error)
      << "a search is bought once";
  auto s = submission({kPhone});
  s.from = bought[0].number;
  EXPECT_TRUE(send(s)[0].successful);
  sync_wait(runtime_->numbers().release(resource_, bought[0].number));
  EXPECT_THROW(send(s), Error);
  advance(16min);
  EXPECT_THROW(sync_wait(runtime_->numbers().purchase(resource_, others.search.search_id, false)), Error) << "it has expired";
}

TEST_F(Resources, TokensBelongToTheirResource) {
  const auto other = create("other");
  const auto created = sync_wait(runtime_->identity().create_user(resource_, {identity::TokenScope::kChat}, std::nullopt, 24h));
  EXPECT_TRUE(created.user.id.starts_with("8:acs:" + resource_->id + "_"));
  const std::string token = created.token.value().token;
  EXPECT_EQ(sync_wait(runtime_->identity().verify_token(resource_, token)).user_id, created.user.id);
  EXPECT_THROW(sync_wait(runtime_->identity().verify_token(other, token)), Error);
  EXPECT_THROW(sync_wait(runtime_->identity().issue_token(other, created.user.id, {identity::TokenScope::kChat}, 24h)), Error);
  EXPECT_THROW(sync_wait(runtime_->identity().issue_token(resource_, created.user.id, {}, 24h)), Error);
  EXPECT_THROW(sync_wait(runtime_->identity().issue_token(resource_, created.user.id, {identity::TokenScope::kChat}, 59min)),
               Error);
  advance(1s);
  sync_wait(runtime_->identity().revoke_tokens(resource_, created.user.id));
  EXPECT_THROW(sync_wait(runtime_->identity().verify_token(resource_, token)), Error);
}

}  // namespace
}  // namespace trunkline
