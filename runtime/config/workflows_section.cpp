#include "runtime/config/workflows_section.h"

#include <set>

#include "runtime/base/strings.h"
#include "runtime/config/workflow_limits.h"

namespace trunkline {

void read_workflows(ConfigSection& s, WorkflowsConfig& out) {
  s.duration("retention", out.retention);
  if (out.retention != Duration{0} && out.retention < std::chrono::minutes{1})
    s.problem("retention", "must be at least a minute, or 0s for ever");
  for (const auto& [key, value] : {std::pair<std::string_view, Duration*>{"max_run", &out.max_run},
                                   {"max_stateless_run", &out.max_stateless_run},
                                   {"caller_timeout", &out.caller_timeout},
                                   {"http_timeout", &out.http_timeout},
                                   {"script_timeout", &out.script_timeout}}) {
    s.duration(key, *value);
    if (*value <= Duration::zero()) s.problem(key, "must be longer than nothing");
  }
  s.integer<std::uint32_t>("script_memory_mb", out.script_memory_mb, 16, 65'536);
  s.integer<std::uint32_t>("script_max_length", out.script_max_length, 1, 10'000'000);
  s.integer<std::uint32_t>("script_max_result_kb", out.script_max_result_kb, 1, 32'768);
  s.integer<std::uint32_t>("scripts", out.scripts, 1, 64);
  read_workflow_limits(s, out.limits);
  s.text_map("settings", out.settings);
}

void read_connections(ConfigSection& root, std::map<std::string, ConnectionConfig>& out) {
  std::set<std::string, std::less<>> names;
  root.each_member("connections", [&](const std::string& name, ConfigSection& all) {
    all.section(name, [&](ConfigSection& s) {
      ConnectionConfig& connection = out[name];
      connection.mark = s.mark();
      s.text("url", connection.url);
      s.text("function", connection.function);
      s.text("resource", connection.resource);
      if (!names.insert(to_lower(name)).second) s.problem("'" + name + "' is there twice: case does not count");
      const int given =
          (connection.url.empty() ? 0 : 1) + (connection.function.empty() ? 0 : 1) + (connection.resource.empty() ? 0 : 1);
      if (given != 1) s.problem("wanted exactly one of url, function and resource");
      if (!connection.url.empty() && !connection.url.starts_with("http://") && !connection.url.starts_with("https://"))
        s.problem("url", "wanted an address such as https://crm.example/api, found '" + connection.url + "'");
    });
  });
}

}  // namespace trunkline
