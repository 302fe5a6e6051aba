// Internal to runtime/net: addresses of hosts, without one slow name server holding up the others.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace trunkline::net {

/// Asks the system in a thread for each name: getaddrinfo cannot be given up, and Asio's own resolver has one thread for all.
/// Those who want the same name at the same time share an answer; nothing is kept after that. One thread at a time, that of
/// the io_context. Threads that are still waiting when it is destroyed end by themselves and tell nobody.
class HostLookup {
 public:
  using Endpoint = boost::asio::ip::tcp::endpoint;
  /// No endpoints: `problem` says why. Called on the io_context's thread, never before find() returns.
  using Done = std::function<void(const std::vector<Endpoint>& endpoints, const std::string& problem)>;

  explicit HostLookup(boost::asio::io_context& io);
  HostLookup(const HostLookup&) = delete;
  ~HostLookup();

  /// `host`: a name; the port of the endpoints is 0.
  void find(const std::string& host, Done done);

 private:
  struct Shared;
  void start(const std::string& host);
  void found(const std::string& host, const std::vector<Endpoint>& endpoints, const std::string& problem);

  boost::asio::io_context& io_;
  const std::shared_ptr<Shared> shared_;
  std::unordered_map<std::string, std::vector<Done>> wanted_;
  std::deque<std::string> queue_;  // beyond the limit of threads
  std::size_t running_ = 0;
};

}  // namespace trunkline::net
