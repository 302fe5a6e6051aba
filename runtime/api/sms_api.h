// REST of text messages.
#pragma once
#include <vector>

namespace trunkline {
class SmsService;
namespace server {
struct Route;
}
namespace api {
void add_sms_routes(std::vector<server::Route>& routes, SmsService& sms);
}
}  // namespace trunkline
