// Plugins that were built from the headers of each released version still work with this host.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include "trunkline/interfaces.hpp"
#include "trunkline/sms_client.hpp"

namespace trunkline {
namespace {

class KeptPlugin : public ::testing::TestWithParam<std::string> {};

TEST_P(KeptPlugin, SendsThroughTodaysClient) {
  void* library = dlopen(GetParam().c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(library, nullptr) << dlerror();
  const auto* entry = static_cast<const tl_plugin_entry*>(dlsym(library, TL_PLUGIN_ENTRY));
  ASSERT_NE(entry, nullptr);
  EXPECT_LE(entry->abi_min, TL_ABI_CURRENT);

  tl_host host{};
  host.struct_size = sizeof host;
  host.abi = TL_ABI_CURRENT;
  ErrorHost::install(host);
  host.get_interface = [](void*, tl_str) { return tl_iface{}; };
  tl_plugin* plugin = nullptr;
  tl_error* error = nullptr;
  ASSERT_EQ(entry->create(&host, abi::text("{}"), &plugin, &error), 0);

  CallTable table("kept");
  const tl_iface iface = entry->get_interface(plugin, abi::text(sms::SmsProviderClient::kInterfaceId));
  EXPECT_EQ(abi::missing_slot(*abi::find_interface(sms::SmsProviderClient::kInterfaceId), iface.vtbl), "");
  const sms::SmsProviderClient client(iface, table);
  EXPECT_EQ(client.capabilities().max_recipients, 3);
  const auto results = client.send_sync({.from = "+1", .recipients = {{"+2", "m1"}, {"+3", "m2"}}, .text = "hello"});
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[1].message_id, "m2");
  EXPECT_TRUE(results[0].accepted);
  try {
    client.send_sync({.text = ""});
    FAIL();
  } catch (const Error& failed) {
    EXPECT_EQ(failed.code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(failed.target, "text");
  }
  bool stopped = false;
  entry->stop(
      plugin, [](void* user) { *static_cast<bool*>(user) = true; }, &stopped);
  EXPECT_TRUE(stopped);
  entry->destroy(plugin);
  EXPECT_EQ(table.counters().second_done + table.counters().bad_result + table.counters().overrun, 0u);
}

INSTANTIATE_TEST_SUITE_P(Abi, KeptPlugin, ::testing::Values(KEPT_PLUGINS),
                         [](const auto& info) { return "v" + std::to_string(info.index + 1); });

}  // namespace
}  // namespace trunkline
