// What belongs to a resource rests in the database of its geography and nowhere else.
#include <gtest/gtest.h>

#include <deque>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "runtime/services/identity_service.h"
#include "runtime/services/number_service.h"
#include "tests/unit/core/runtime_fixture.h"

namespace trunkline {
namespace {

using namespace std::chrono_literals;

class Residency : public RuntimeTest {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::path(testing::TempDir()) / ("trunkline_residency_" + std::to_string(::getpid()));
    std::filesystem::remove_all(directory_);
    open(test_config(kSandbox) + "store:\n  mode: file\n  path: '" + directory_.string() +
         "/home'\n  locations:\n    Europe: {path: '" + directory_.string() + "/eu'}\n    UK: {path: '" + directory_.string() +
         "/uk'}\n");
  }
  void TearDown() override {
    RuntimeTest::TearDown();
    std::filesystem::remove_all(directory_);
  }

  /// Every row of every table of ours: `table: column|column|…`.
  std::vector<std::string> rows(store::Database& database) {
    std::vector<std::string> tables, out;
    database.read([&](store::Session& session) {
      session.query(keep("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"), {},
                    [&](const store::Row& row) { tables.emplace_back(row.text(0)); });
    });
    for (const std::string& table : tables) {
      int columns = 0;
      database.read([&](store::Session& session) {
        session.query(keep("SELECT COUNT(*) FROM pragma_table_info('" + table + "')"), {},
                      [&](const store::Row& row) { columns = static_cast<int>(row.integer(0)); });
        session.query(keep("SELECT * FROM " + table), {}, [&](const store::Row& row) {
          std::string line = table + ": ";
          for (int i = 0; i < columns; ++i) line.append(row.text(i)).append("|");
          out.push_back(std::move(line));
        });
      });
    }
    return out;
  }
  const store::Statement& keep(std::string sql) {
    texts_.push_back(std::move(sql));
    return statements_.emplace_back(store::Statement{texts_.back().c_str()});
  }
  /// Row by row the registry knows nothing but the resource itself; byte by byte, journals included, no other file has the texts.
  /// Closes the runtime.
  void expect_only_in_europe(const Resource& eu, const std::vector<std::string>& texts) {
    for (const std::string& row : rows(runtime_->store().system())) {
      for (const std::string& text : texts) EXPECT_EQ(row.find(text), std::string::npos) << row;
      EXPECT_TRUE(row.find(eu.id) == std::string::npos || row.starts_with("resources: ")) << row;
    }
    runtime_->close();
    const std::string home = bytes_below(directory_ / "home"), uk = bytes_below(directory_ / "uk");
    const std::string europe = bytes_below(directory_ / "eu");
    for (const std::string& text : texts) {
      EXPECT_EQ(home.find(text), std::string::npos) << text;
      EXPECT_EQ(uk.find(text), std::string::npos) << text;
      EXPECT_NE(europe.find(text), std::string::npos) << text;
    }
  }
  static std::string bytes_below(const std::filesystem::path& folder) {
    std::ostringstream all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
      if (entry.is_regular_file()) all << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    return all.str();
  }

  std::filesystem::path directory_;
  std::deque<std::string> texts_;
  std::deque<store::Statement> statements_;
};

TEST_F(Residency, NothingOfAEuropeanResourceTouchesAnotherStore) {
  const auto home_before = rows(*resource_->database);
  ResourceSpec spec;
  spec.name = "eu";
  spec.data_location = "Europe";
  const ResourcePtr eu = sync_wait(runtime_->resources().create(spec));
  service::NumberQuery query;
  query.quantity = 1;
  const HeldNumbers held = sync_wait(runtime_->numbers().search(eu, query));
  const auto bought = sync_wait(runtime_->numbers().purchase(eu, held.search.search_id, false));
  SmsSubmission s;
  s.from = bought[0].number;
  s.text = "Grüße aus Straßburg";
  s.wants_report = true;
  s.to.push_back({"+33612345678", {}});
  ASSERT_TRUE(sync_wait(runtime_->sms().send(eu, s))[0].successful);
  advance(1s);
  sync_wait(runtime_->sandbox().send_from_phone(eu, "+33612345679", bought[0].number, "Bonjour de Lyon"));
  advance(1s);
  sync_wait(runtime_->resources().snapshot("eu", "first"));
  const ResourcePtr fork = sync_wait(runtime_->resources().fork("eu", "eu-fork"));
  sync_wait(runtime_->resources().restore("eu", "first"));
  ASSERT_GE(runtime_->events().read(*eu->database, eu->key, {}, 0, 10).size(), 2u);
  EXPECT_EQ(fork->database, eu->database);
  EXPECT_NE(eu->database, resource_->database);

  // The other geography did not change at all.
  EXPECT_EQ(rows(*resource_->database), home_before);
  expect_only_in_europe(*eu,
                        {bought[0].number.substr(1), "33612345678", "33612345679", "Straßburg", "Lyon", held.search.search_id});
}

TEST_F(Residency, UsersStayInTheirGeography) {
  const auto home_before = rows(*resource_->database);
  ResourceSpec spec;
  spec.name = "eu";
  spec.data_location = "Europe";
  const ResourcePtr eu = sync_wait(runtime_->resources().create(spec));
  const auto user = sync_wait(runtime_->identity().create_user(eu, {identity::TokenScope::kChat}, std::string("angela"), 24h));
  EXPECT_EQ(rows(*resource_->database), home_before);
  expect_only_in_europe(*eu, {user.user.id.substr(user.user.id.rfind('_') + 1), "angela"});
}

TEST_F(Residency, EveryPublishedGeographyCanBeChosen) {
  EXPECT_EQ(data_locations().size(), 18u);
  int n = 0;
  for (const std::string_view location : data_locations()) {
    ResourceSpec spec;
    spec.name = "r" + std::to_string(n++);
    spec.data_location = location;
    const ResourcePtr resource = sync_wait(runtime_->resources().create(spec));
    EXPECT_EQ(resource->data_location, location);
    const bool elsewhere = location == "Europe" || location == "UK";
    EXPECT_EQ(resource->database == resource_->database, !elsewhere) << location;
  }
  EXPECT_EQ(find_data_location("unitedstates"), "United States");
  EXPECT_EQ(find_data_location("Atlantis"), std::nullopt);
}

TEST(ResidencyConfig, UnknownGeographiesAreRefused) {
  try {
    Runtime::open(parse_config("store: {mode: memory, locations: {Europa: {path: x}}}\nlog: {level: off}\n"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.target, "store.locations.Europa");
  }
}

}  // namespace
}  // namespace trunkline
