// REST of phone numbers.
#pragma once
#include <vector>

namespace trunkline {
class NumberService;
namespace server {
struct Route;
}
namespace api {
void add_number_routes(std::vector<server::Route>& routes, NumberService& numbers);
}
}  // namespace trunkline
