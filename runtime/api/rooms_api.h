// REST of rooms.
#pragma once
#include <vector>

namespace trunkline {
class RoomService;
namespace server {
struct Route;
}
namespace api {
void add_room_routes(std::vector<server::Route>& routes, RoomService& rooms);
}
}  // namespace trunkline
