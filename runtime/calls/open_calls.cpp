#include "runtime/calls/open_calls.h"

#include "runtime/calls/call.h"
#include "runtime/diagnostics/log.h"

namespace trunkline::calls {
namespace {

const store::Statement kInsert{
    "INSERT INTO open_calls (resource_key, connection_id, server_call_id, correlation_id, callback_uri, context) VALUES (?, ?, "
    "?, ?, ?, ?)"};
const store::Statement kDelete{"DELETE FROM open_calls WHERE resource_key = ? AND connection_id = ?"};
const store::Statement kDrop{"DELETE FROM open_calls WHERE resource_key = ?"};
const store::Statement kSelect{
    "SELECT resource_key, connection_id, server_call_id, correlation_id, callback_uri, context FROM open_calls ORDER BY "
    "connection_id"};

auto complain_of_call(Log& log, std::string id) {
  return [&log, id = std::move(id)](Result<void> written) {
    if (!written.ok())
      log.error("calls", "the record of a call was not written", {{"connection", id}, {"reason", written.error().message}});
  };
}

}  // namespace

void record_open(Log& log, const Connection& connection) {
  connection.resource->database->write(
      [key = connection.resource->key, id = connection.id, call = connection.server_call_id,
       correlation = connection.correlation_id, url = connection.callback_uri,
       context = connection.context](store::Session& session) {
        session.execute(kInsert, {key, id, call, correlation, url, context});
      },
      complain_of_call(log, connection.id));
}

void record_closed(Log& log, const Connection& connection) {
  connection.resource->database->write(
      [key = connection.resource->key, id = connection.id](store::Session& session) {
        session.execute(kDelete, {key, id});
      },
      complain_of_call(log, connection.id));
}

std::vector<LeftConnection> left_connections(store::Database& database) {
  std::vector<LeftConnection> left;
  database.read([&](store::Session& session) {
    left.clear();
    session.query(kSelect, {}, [&](const store::Row& row) {
      LeftConnection one;
      one.resource_key = row.integer(0);
      one.id = row.text(1);
      one.server_call_id = row.text(2);
      one.correlation_id = row.text(3);
      one.callback_uri = row.text(4);
      one.context = row.text(5);
      left.push_back(std::move(one));
    });
  });
  return left;
}

void forget_left(store::Session& session, const LeftConnection& left) { session.execute(kDelete, {left.resource_key, left.id}); }

void drop_open_rows(store::Session& session, const Resource& resource) { session.execute(kDrop, {resource.key}); }

}  // namespace trunkline::calls
