// The conformance kit as GoogleTest tests: one for each check. Hand-written, header-only, C++20; needs GoogleTest and the
// program.
//
//   int main(int argc, char** argv) {
//     testing::InitGoogleTest(&argc, argv);
//     trunkline::register_conformance_tests({.plugin = "build/acme", .config = "trunkline.yaml", .quirks = "quirks.json"});
//     return RUN_ALL_TESTS();
//   }
#pragma once
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace trunkline {

struct ConformanceOptions {
  std::string program = "trunkline";
  std::string plugin;  // its id, its directory or its library
  std::string config;  // trunkline.yaml; empty: none
  std::string quirks;  // empty: quirks.json beside plugin.json, when there is one
};

namespace detail {

struct KitRun {
  int status = -1;
  std::string output;
};
inline std::string shell_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}
inline KitRun run_kit(const ConformanceOptions& options, const std::string& more) {
  std::string command = shell_quoted(options.program) + " plugin test " + shell_quoted(options.plugin);
  if (!options.config.empty()) command += " --config " + shell_quoted(options.config);
  if (!options.quirks.empty()) command += " --quirks " + shell_quoted(options.quirks);
  command += " " + more + " 2>&1";
  KitRun run;
  FILE* const pipe = ::popen(command.c_str(), "r");
  if (!pipe) return run;
  std::array<char, 4096> piece{};
  while (const std::size_t got = std::fread(piece.data(), 1, piece.size(), pipe)) run.output.append(piece.data(), got);
  run.status = ::pclose(pipe);
  return run;
}

class ConformanceTest : public ::testing::Test {
 public:
  ConformanceTest(ConformanceOptions options, std::string check) : options_(std::move(options)), check_(std::move(check)) {}
  void TestBody() override {
    const KitRun run = run_kit(options_, "--only " + shell_quoted(check_));
    if (run.status == 0 && run.output.find("  skip  " + check_) != std::string::npos) GTEST_SKIP() << run.output;
    EXPECT_EQ(run.status, 0) << run.output;
  }

 private:
  const ConformanceOptions options_;
  const std::string check_;
};

}  // namespace detail

/// Before RUN_ALL_TESTS. When the checks cannot even be listed, one test says why.
inline void register_conformance_tests(const ConformanceOptions& options) {
  const detail::KitRun listed = detail::run_kit(options, "--list");
  if (listed.status != 0) {
    class Failed : public ::testing::Test {
     public:
      explicit Failed(std::string why) : why_(std::move(why)) {}
      void TestBody() override { FAIL() << why_; }

     private:
      const std::string why_;
    };
    ::testing::RegisterTest("Conformance", "list", nullptr, nullptr, __FILE__, __LINE__,
                            [output = listed.output]() -> ::testing::Test* { return new Failed(output); });
    return;
  }
  std::string_view rest = listed.output;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n') == std::string_view::npos ? rest.size() : rest.find('\n');
    const std::string check(rest.substr(0, end));
    rest.remove_prefix(end == rest.size() ? end : end + 1);
    if (check.empty()) continue;
    ::testing::RegisterTest("Conformance", check.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                            [options, check]() -> ::testing::Test* { return new detail::ConformanceTest(options, check); });
  }
}

}  // namespace trunkline
