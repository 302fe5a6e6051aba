// The kit as GoogleTest tests, on a plugin of this repository. PROGRAM and PLUGIN are files of this build.
#include "trunkline/conformance_gtest.hpp"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  trunkline::register_conformance_tests({.program = PROGRAM, .plugin = argc > 1 ? argv[1] : PLUGIN, .config = "", .quirks = ""});
  return RUN_ALL_TESTS();
}
