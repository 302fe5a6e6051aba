// The CLI's side of a running server.
#pragma once
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace trunkline::app {

/// `endpoint=http://…/;accesskey=…`
struct Connection {
  std::string endpoint;  // without a trailing slash
  std::string access_key;
  /// From an option, else TRUNKLINE_CONNECTION_STRING, else the development server. Throws kInvalidArgument.
  static Connection resolve(const std::string& connection_string);
};

/// Signed requests, blocking. Throws the Error that the server answered with, or kUnavailable when it cannot be reached.
class ApiClient {
 public:
  explicit ApiClient(Connection connection);
  ~ApiClient();
  nlohmann::json get(const std::string& path_and_query);
  nlohmann::json post(const std::string& path_and_query, const nlohmann::json& body);
  nlohmann::json put(const std::string& path_and_query, const nlohmann::json& body);
  /// The same with a body that is JSON text already, whose members keep their order.
  nlohmann::json post_text(const std::string& path_and_query, std::string body);
  nlohmann::json put_text(const std::string& path_and_query, std::string body);
  nlohmann::json patch(const std::string& path_and_query, const nlohmann::json& body);
  nlohmann::json remove(const std::string& path_and_query);
  /// Hands on the body of an answer piece by piece, however long it is.
  void download(const std::string& path_and_query, std::function<void(std::string_view)> take);
  const Connection& connection() const { return connection_; }

 private:
  struct Answer;
  nlohmann::json request(const std::string& method, const std::string& path_and_query, std::string body);
  void perform(const std::string& method, const std::string& path_and_query, const std::string& body, Answer& answer);
  struct Impl;
  Connection connection_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace trunkline::app
