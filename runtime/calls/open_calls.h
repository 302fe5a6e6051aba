// Rows of the connections under way. A process that ends without ending them leaves them behind, and the next one tells the
// applications that their calls are over.
#pragma once
#include <string>
#include <vector>

#include "runtime/store/database.h"

namespace trunkline {
class Log;
class ResourceService;
struct Resource;
}  // namespace trunkline

namespace trunkline::calls {

struct Connection;

/// What is left of a connection of an earlier process.
struct LeftConnection {
  std::int64_t resource_key = 0;
  std::string id;
  std::string server_call_id;
  std::string correlation_id;
  std::string callback_uri;
  std::string context;
};

/// Neither waits; what goes wrong is logged.
void record_open(Log& log, const Connection& connection);
void record_closed(Log& log, const Connection& connection);
/// Reads them; by database, in the order of their ids.
std::vector<LeftConnection> left_connections(store::Database& database);
void forget_left(store::Session& session, const LeftConnection& left);
void drop_open_rows(store::Session& session, const Resource& resource);

}  // namespace trunkline::calls
