#include "runtime/server/api_version.h"

#include <gtest/gtest.h>

#include "trunkline/error.hpp"

namespace trunkline::server {
namespace {

const std::vector<std::string> kPublished{"2022-10-01", "2023-10-01", "2021-03-07", "2024-01-14-preview", "2023-10-01-preview"};

TEST(ApiVersionTest, PicksTheNearestKnownBehaviour) {
  for (const auto& [requested, served] : std::initializer_list<std::pair<const char*, const char*>>{
           {"2023-10-01", "2023-10-01"},
           {"2024-01-14-Preview", "2024-01-14-preview"},
           {"2030-01-01", "2024-01-14-preview"},  // newer than we are
           {"2023-12-31", "2023-10-01"},
           {"2023-10-01-beta", "2022-10-01"},  // a preview of that day comes before its stable version
           {"2022-01-01", "2021-03-07"},
           {"2019-01-01", "2021-03-07"},  // older than all: the oldest
       })
    EXPECT_EQ(resolve_api_version(kPublished, requested), served) << requested;
}

TEST(ApiVersionTest, RefusesNoneAndNonsense) {
  const auto code_of = [](std::string_view requested) {
    try {
      resolve_api_version(kPublished, requested);
      return std::string("none");
    } catch (const Error& error) {
      EXPECT_EQ(error.http_status, 400);
      return error.service_code;
    }
  };
  EXPECT_EQ(code_of(""), "ApiVersionUnspecified");
  for (const char* bad : {"1", "latest", "2023-13-01", "2023-10-32", "2023-1-01", "20231001", "2023-10-01-", "2023-10-01 preview",
                          "2023-10-01-pre view"})
    EXPECT_EQ(code_of(bad), "UnsupportedApiVersion") << bad;
  EXPECT_EQ(code_of("2023-10-01-" + std::string(100, 'a')), "UnsupportedApiVersion");
}

TEST(ApiVersionTest, RoutesWithoutVersionsTakeAnything) { EXPECT_EQ(resolve_api_version({}, "whatever"), ""); }

}  // namespace
}  // namespace trunkline::server
