// REST of phone numbers.
#pragma once
#include <vector>

namespace trunkline {
class NumberReservations;
class NumberService;
namespace server {
struct Route;
}
namespace api {
void add_number_routes(std::vector<server::Route>& routes, NumberService& numbers);
void add_number_list_routes(std::vector<server::Route>& routes);
void add_number_reservation_routes(std::vector<server::Route>& routes, NumberService& numbers, NumberReservations& reservations);
}  // namespace api
}  // namespace trunkline
