// A page that shows what happens in a development runtime.
#pragma once
#include <vector>

namespace trunkline {
namespace server {
struct Route;
}
namespace app {
void add_console_routes(std::vector<server::Route>& routes);
}
}  // namespace trunkline
