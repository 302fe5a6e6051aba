// plugin.json: what a plugin says about itself before any of its code runs.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/plugin/config_schema.h"

namespace trunkline::plugin {

/// The checked content of one plugin.json. Members in the file carry the same names.
struct Manifest {
  std::string id;                 // `sms-sandbox` or reverse-domain, `com.example.sms`
  std::string name;               // for people; the id when absent
  std::string version;            // MAJOR.MINOR.PATCH with an optional suffix
  std::uint32_t abi_min = 0;      // TL_ABI_VERSION of "1.0"
  std::filesystem::path library;  // absolute; a file beside the manifest. Empty: built in
  std::filesystem::path image;    // a copy of the library that is loaded in its place; empty: the library itself
  std::vector<std::string> interfaces;
  std::vector<std::string> capabilities;  // words for people and search, such as `delivery-reports`
  ConfigSchema config_schema;
  std::vector<std::string> secrets;           // must be configured
  std::vector<std::string> optional_secrets;  // may be configured
  bool threads = false;                       // it owns threads
  std::filesystem::path path;                 // of the file; empty: built in

  bool offers(std::string_view interface_id) const;
  bool may_read_secret(std::string_view secret_name) const;
};

/// Limits of the file.
inline constexpr std::size_t kManifestMaxBytes = 256 * 1024;
inline constexpr std::size_t kManifestMaxDepth = 64;

/// Throws kInvalidArgument that lists everything wrong. `path` is where the text came from and names the folder of the library.
Manifest parse_manifest(std::string_view text, const std::filesystem::path& path);
/// Throws kNotFound without the file, else as parse_manifest.
Manifest read_manifest(const std::filesystem::path& path);

/// `trunkline.sms/1` or `trunkline.chat/draft-1`.
bool is_interface_id(std::string_view id);
bool is_draft_interface(std::string_view id);
/// "1.0" of TL_ABI_VERSION(1, 0).
std::string abi_text(std::uint32_t abi);

}  // namespace trunkline::plugin
