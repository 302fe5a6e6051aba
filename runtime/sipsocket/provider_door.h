// Where the requests of a page that speaks SIP are answered.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "runtime/providers/provider.h"
#include "runtime/server/route.h"
#include "runtime/sipsocket/sip_page.h"
#include "trunkline/values.hpp"

namespace trunkline {
class Clock;
class ProviderRegistry;
}  // namespace trunkline

namespace trunkline::sipsocket {

/// A provider that carries the sound of pages; null: there is none of that name.
ProviderPtr carrier(ProviderRegistry& providers, const std::string& name);

/// The provider is looked up for each request: another instance may have taken over. [any-thread]
class ProviderDoor final : public PageDoor {
 public:
  /// `exists`: whether the resource of the caller still does. Another one may have its name by then, and knows no such user.
  ProviderDoor(ProviderRegistry& providers, Clock& clock, std::string name, const server::Caller& caller,
               std::function<bool()> exists);

  Task<PageAnswer> ask(std::string method, std::string path, std::string body, std::stop_token stop) override;

 private:
  ProviderRegistry& providers_;
  Clock& clock_;
  const std::string name_;
  const std::string resource_;
  const std::function<bool()> exists_;
  Properties headers_;
};

}  // namespace trunkline::sipsocket
