// Links in tracked mail: who opened it, who followed which link, who wants no more of it.
#pragma once
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "runtime/services/resource_service.h"

namespace trunkline {

enum class EmailLinkKind { kOpen, kClick, kUnsubscribe };

/// What a link of ours means.
struct EmailLink {
  EmailLinkKind kind = EmailLinkKind::kOpen;
  std::int64_t resource_key = 0;
  std::string operation_id;
  std::int32_t position = 0;  // of the recipient
  std::string url;            // kClick: where it leads
};

/// Signs and reads links. Their secrets are made when first needed, one for each resource. [any-thread]
class EmailTracking {
 public:
  EmailTracking(ServiceContext& context, ResourceService& resources) : context_(context), resources_(resources) {}

  /// `http://host:port/`; empty: links lead nowhere, so there are none. Set before start. [lifecycle]
  void set_base(std::function<std::string(const Resource&)> base) { base_ = std::move(base); }
  /// Empty: nothing can be tracked.
  std::string base_of(const Resource& resource) const { return base_ ? base_(resource) : std::string(); }

  /// Makes the secret of the resource if it has none yet.
  Task<std::string> secret_of(ResourcePtr resource);
  /// nullopt: it is not one of ours.
  std::optional<EmailLink> read(std::string_view token);

  static std::string token(std::string_view secret, const EmailLink& link);
  /// `{base}_mail/{open|click|unsubscribe}/{token}`.
  static std::string url(std::string_view base, std::string_view secret, const EmailLink& link);
  /// The page with its web links led through us, and a picture that tells of its opening. `link` says whose mail it is.
  static std::string track_html(std::string_view html, std::string_view base, std::string_view secret, EmailLink link);

 private:
  ServiceContext& context_;
  ResourceService& resources_;
  std::function<std::string(const Resource&)> base_;
  std::mutex mutex_;
  std::unordered_map<std::int64_t, std::string> secrets_;
};

}  // namespace trunkline
