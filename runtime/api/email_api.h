// REST of mail, and the links of tracked mail.
#pragma once
#include <vector>

namespace trunkline {
class EmailService;
namespace server {
struct Route;
}
namespace api {
void add_email_routes(std::vector<server::Route>& routes, EmailService& email);
/// `/_mail/open|click|unsubscribe/{token}`: for whoever has the mail; their signature is the permission.
void add_email_link_routes(std::vector<server::Route>& routes, EmailService& email);
}  // namespace api
}  // namespace trunkline
