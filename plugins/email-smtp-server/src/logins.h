// Who may send: the resource's smtpUsernames, and the secrets of their applications.
#pragma once
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "settings.h"
#include "trunkline/host_client.hpp"
#include "trunkline/plugin_host.hpp"

namespace email_smtp_server {

/// [any-thread]
class Logins {
 public:
  template <class T>
  using Task = trunkline::Task<T>;

  Logins(trunkline::Host host, const Settings& settings);

  /// True: the name is an smtpUsername of the resource, and the password its application's secret. Throws kUnavailable when
  /// nobody can tell.
  Task<bool> check(std::string username, std::string password);

 private:
  struct Name {
    std::string username, application_id, tenant_id;
  };
  /// nullopt: the issuer refused.
  Task<std::optional<std::string>> token(std::string tenant, std::string client_id, std::string secret, std::string scope);
  Task<std::vector<Name>> names();

  const Settings& settings_;
  const trunkline::host::HttpClient http_;
  const trunkline::host::ClockClient clock_;
  std::map<std::string, std::string> applications_;  // secrets that are known here; empty: the issuer is asked
  std::string management_secret_;
  std::mutex mutex_;  // guards what follows
  std::vector<Name> known_;
  trunkline::Time known_until_{};
};

}  // namespace email_smtp_server
