#include "runtime/app/plugin_doctor.h"

#include <array>

#include "runtime/base/strings.h"
#include "runtime/conformance/host.h"
#include "runtime/plugin/elf.h"
#include "trunkline/interfaces.hpp"

namespace trunkline::app {
namespace {

using State = DoctorStep::State;

class Doctor {
 public:
  Doctor(PluginTarget& target, const PluginConfigChoice& config, Diagnosis& out) : target_(target), config_(config), out_(out) {}

  void run() {
    paths();
    const plugin::FoundPlugin* found = manifest();
    if (!found) return;
    if (!found->manifest->library.empty() && !library(*found->manifest)) return;
    if (!load()) return;
    instance();
  }

 private:
  void step(const char* name, State state, const std::string& text) { out_.steps.push_back({name, state, text}); }
  void fail(const char* name, const Error& error) {
    step(name, State::kFailed, error.message);
    if (!out_.error) out_.error = error;
  }

  void paths() {
    for (const std::string& path : target_.paths) {
      std::error_code error;
      const bool there = std::filesystem::is_directory(path, error);
      step("path", there ? State::kOk : State::kWarning, path + (there ? "" : ": no such directory"));
    }
  }

  const plugin::FoundPlugin* manifest() {
    found_ = target_.loader->found();
    for (const plugin::FoundPlugin& found : found_) {
      if (found.id != target_.id) continue;
      if (found.error) {
        fail("manifest", *found.error);
        return nullptr;
      }
      const plugin::Manifest& manifest = *found.manifest;
      step("manifest", State::kOk,
           found.path.string() + ": " + manifest.id + " " + manifest.version + ", offers " + join(manifest.interfaces, ", "));
      for (const std::string& id : manifest.interfaces)
        if (plugin::is_draft_interface(id))
          step("manifest", State::kWarning, id + " is a draft: a server loads it only with plugins.allow_drafts: true");
      return &found;
    }
    try {
      target_.loader->load(target_.id);  // says where it looked
    } catch (const Error& error) {
      fail("manifest", error);
    }
    return nullptr;
  }

  bool library(const plugin::Manifest& manifest) {
    try {
      plugin::check_shared_library(manifest.library);
      step("library", State::kOk, manifest.library.string() + ": a shared library for this machine");
    } catch (const Error& error) {
      fail("library", error);
      return false;
    }
    try {
      const plugin::LibrarySymbols symbols = plugin::read_symbols(manifest.library);
      const bool entry = std::find(symbols.exported.begin(), symbols.exported.end(), TL_PLUGIN_ENTRY) != symbols.exported.end();
      const std::string found = symbols.exported.empty() ? "nothing" : some(symbols.exported);
      if (!entry)
        fail("symbols", Error(ErrorCode::kFailedPrecondition, "it exports " + found + ", wanted " TL_PLUGIN_ENTRY, target_.id));
      else if (symbols.exported.size() > 1)
        step("symbols", State::kWarning,
             "it exports " + found + "; wanted " TL_PLUGIN_ENTRY " alone: link with plugin.map, so that two plugins cannot meet");
      else
        step("symbols", State::kOk,
             "it exports " + found + " alone; it needs " + (symbols.needed.empty() ? "nothing" : some(symbols.needed)));
      return entry;
    } catch (const Error& error) {
      fail("symbols", error);
      return false;
    }
  }

  static std::string some(const std::vector<std::string>& names) {
    constexpr std::size_t kShown = 6;
    const std::vector<std::string> shown(names.begin(),
                                         names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), kShown)));
    return join(shown, ", ") + (names.size() > kShown ? " and " + std::to_string(names.size() - kShown) + " more" : "");
  }

  bool load() {
    try {
      out_.loaded = &target_.loader->load(target_.id);
    } catch (const Error& error) {
      fail("load", error);
      return false;
    }
    const tl_plugin_entry& entry = *out_.loaded->entry;
    step("abi", State::kOk,
         "built for " + plugin::abi_text(entry.abi_built) + ", works with hosts from " +
             plugin::abi_text(std::max(entry.abi_min, out_.loaded->manifest.abi_min)) + " on; this host has " +
             plugin::abi_text(TL_ABI_CURRENT));
    if (entry.abi_min > out_.loaded->manifest.abi_min)
      step("abi", State::kWarning,
           "plugin.json says abi_min " + plugin::abi_text(out_.loaded->manifest.abi_min) + ", the library " +
               plugin::abi_text(entry.abi_min));
    return true;
  }

  void instance() {
    conformance::KitInput input;
    input.plugin = out_.loaded;
    conformance::Quirks quirks;
    try {
      read_plugin_config(config_, out_.loaded->manifest.id, input);
    } catch (const Error& error) {
      return fail("config", error);
    }
    conformance::KitHost host(quirks);
    plugin::InstanceSettings settings;
    settings.provider = "doctor";
    settings.config_json = input.config_json;
    settings.secrets = input.secrets;
    settings.interfaces = input.interfaces;
    try {
      conformance::Subject subject = host.open(*out_.loaded, std::move(settings));
      step("instance", State::kOk, config_.file.empty() ? "made without configuration" : "made with " + config_.file);
      for (const std::string& id : subject->interfaces()) interface(id, subject->interface(id));
      subject->begin_stop();
      if (!subject->finish_stop(quirks.patience))
        fail("stop", Error(ErrorCode::kFailedPrecondition,
                           "it has not stopped within " + std::to_string(quirks.patience.count()) + " ms"));
    } catch (const Error& error) {
      // Without its configuration it may well refuse to be made.
      if (config_.file.empty() && error.code == ErrorCode::kInvalidArgument)
        step("instance", State::kSkipped, error.message + " (give --config trunkline.yaml)");
      else
        fail("instance", error);
    }
  }

  void interface(const std::string& id, tl_iface iface) {
    const abi::InterfaceInfo* info = abi::find_interface(id);
    if (!info) return step("interface", State::kWarning, id + ": this host does not know it");
    const auto* vtbl = static_cast<const char*>(iface.vtbl);
    const std::uint32_t size = *static_cast<const std::uint32_t*>(iface.vtbl);
    std::vector<std::string> missing;
    for (const abi::SlotInfo& slot : info->slots)
      if (slot.offset + sizeof(void*) > size || *reinterpret_cast<void* const*>(vtbl + slot.offset) == nullptr)
        missing.emplace_back(slot.name);
    step("interface", missing.empty() ? State::kOk : State::kWarning,
         id + ": " + std::to_string(info->slots.size() - missing.size()) + " of " + std::to_string(info->slots.size()) +
             " slots" + (missing.empty() ? "" : "; without " + join(missing, ", ") + " (optional)"));
  }

  PluginTarget& target_;
  const PluginConfigChoice& config_;
  Diagnosis& out_;
  std::vector<plugin::FoundPlugin> found_;
};

}  // namespace

std::string_view state_name(State state) {
  static constexpr std::array<std::string_view, 4> kNames{"ok", "warning", "failed", "skipped"};
  return kNames[static_cast<std::size_t>(state)];
}

Diagnosis diagnose(PluginTarget& target, const PluginConfigChoice& config) {
  Diagnosis out;
  Doctor(target, config, out).run();
  return out;
}

}  // namespace trunkline::app
