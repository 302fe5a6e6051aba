// A host for versions.test.js, built against the older and the newer headers.
#include <dlfcn.h>

#include <cstdio>

#include "trunkline/demo_client.hpp"

namespace demo = trunkline::demo;

int main(int, char** argv) {
  void* library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (!library) return std::puts(dlerror()), 1;
  const auto* entry = static_cast<const tl_plugin_entry*>(dlsym(library, TL_PLUGIN_ENTRY));
  tl_host host{};
  host.struct_size = sizeof host;
  host.abi = TL_ABI_CURRENT;
  trunkline::ErrorHost::install(host);
  host.get_interface = [](void*, tl_str) { return tl_iface{}; };
  tl_plugin* plugin = nullptr;
  tl_error* error = nullptr;
  if (entry->create(&host, trunkline::abi::text("{}"), &plugin, &error)) return 1;

  trunkline::CallTable table("plugin");
  demo::DemoProviderClient client(entry->get_interface(plugin, trunkline::abi::text(demo::DemoProviderClient::kInterfaceId)),
                                  table);
  const demo::Thing thing = client.make_sync("thing");
  std::printf("name %s\nparts %zu\n", thing.name.c_str(), thing.parts.size());
#ifdef NEWER
  if (thing.made)
    std::printf("made %lld\n", static_cast<long long>(thing.made->time_since_epoch().count()));
  else
    std::puts("made absent");
#else
  std::puts("made unknown");
#endif
  demo::Thing five;
  five.parts.resize(5);
  std::printf("count %d\n", client.count(demo::Any::of_thing(five)));
#ifdef NEWER
  try {
    auto stream = client.all_sync();
    std::printf("all %zu\n", trunkline::sync_wait(stream.next()).size());
  } catch (const trunkline::Error& failed) {
    std::printf("all: %s\n", failed.code == trunkline::ErrorCode::kUnimplemented ? "unimplemented" : failed.what());
  }
#endif
  entry->stop(
      plugin, [](void*) {}, nullptr);
  entry->destroy(plugin);
}
