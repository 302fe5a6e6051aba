#include "runtime/services/email_tracking.h"

#include <array>

#include "runtime/base/encoding.h"
#include "runtime/base/ids.h"
#include "runtime/base/strings.h"
#include "runtime/crypto/hash.h"
#include "runtime/services/email_records.h"

namespace trunkline {
namespace {

constexpr std::size_t kMacBytes = 16;
constexpr std::size_t kMaxTokenBytes = 8 * 1024;
constexpr char kKinds[] = {'o', 'c', 'u'};

std::string_view path_of(EmailLinkKind kind) {
  switch (kind) {
    case EmailLinkKind::kClick:
      return "_mail/click/";
    case EmailLinkKind::kUnsubscribe:
      return "_mail/unsubscribe/";
    default:
      return "_mail/open/";
  }
}

std::string mac_of(std::string_view secret, std::string_view payload) {
  const crypto::Digest digest = crypto::HmacSha256(secret).sign(payload);
  return std::string(crypto::as_text(digest).substr(0, kMacBytes));
}

/// The references that a link may hold in a page.
std::string decode_entities(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (istarts_with(text, "&amp;")) {
      out += '&';
      text.remove_prefix(5);
    } else if (istarts_with(text, "&#38;")) {
      out += '&';
      text.remove_prefix(5);
    } else {
      out += text.front();
      text.remove_prefix(1);
    }
  }
  return out;
}

/// Where the value of `href` stands in the tag that begins at `tag`; nullopt: it has none that can be led elsewhere.
std::optional<std::pair<std::size_t, std::size_t>> href_of(std::string_view html, std::size_t tag, std::size_t end) {
  for (std::size_t at = ifind(html, "href", tag); at != std::string_view::npos && at < end; at = ifind(html, "href", at + 4)) {
    if (!is_space(html[at - 1])) continue;
    std::size_t value = at + 4;
    while (value < end && is_space(html[value])) ++value;
    if (value >= end || html[value] != '=') continue;
    ++value;
    while (value < end && is_space(html[value])) ++value;
    if (value >= end || (html[value] != '"' && html[value] != '\'')) return std::nullopt;
    const std::size_t close = html.find(html[value], value + 1);
    if (close == std::string_view::npos || close > end) return std::nullopt;
    return std::pair{value + 1, close};
  }
  return std::nullopt;
}

}  // namespace

Task<std::string> EmailTracking::secret_of(ResourcePtr resource) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = secrets_.find(resource->key); found != secrets_.end()) co_return found->second;
  }
  std::array<std::uint8_t, 32> bytes{};
  random_bytes(bytes);
  auto work = [resource, fresh = hex_encode(bytes)](store::Session& session) {
    return email_records::ensure_key(session, resource->key, fresh);
  };
  std::string secret = co_await resource->database->write_value<std::string>(std::move(work));
  const std::lock_guard lock(mutex_);
  secrets_[resource->key] = secret;
  co_return secret;
}

std::string EmailTracking::token(std::string_view secret, const EmailLink& link) {
  std::string payload(1, kKinds[static_cast<std::size_t>(link.kind)]);
  payload +=
      '.' + std::to_string(link.resource_key) + '.' + link.operation_id + '.' + std::to_string(link.position) + '.' + link.url;
  return base64url_encode(payload + mac_of(secret, payload));
}

std::string EmailTracking::url(std::string_view base, std::string_view secret, const EmailLink& link) {
  return std::string(base) + std::string(path_of(link.kind)) + token(secret, link);
}

std::optional<EmailLink> EmailTracking::read(std::string_view token) {
  if (token.size() > kMaxTokenBytes) return std::nullopt;
  const auto bytes = base64url_decode(token);
  if (!bytes || bytes->size() <= kMacBytes) return std::nullopt;
  const std::string_view payload = std::string_view(*bytes).substr(0, bytes->size() - kMacBytes);
  std::array<std::string_view, 5> parts;
  std::string_view rest = payload;
  for (std::size_t i = 0; i < 4; ++i) {
    const auto dot = rest.find('.');
    if (dot == std::string_view::npos) return std::nullopt;
    parts[i] = rest.substr(0, dot);
    rest.remove_prefix(dot + 1);
  }
  parts[4] = rest;
  EmailLink link;
  const auto kind = parts[0].size() == 1 ? std::string_view(kKinds, 3).find(parts[0][0]) : std::string_view::npos;
  const auto key = parse_number<std::int64_t>(parts[1]);
  const auto position = parse_number<std::int32_t>(parts[3]);
  if (kind == std::string_view::npos || !key || !position) return std::nullopt;
  link.kind = static_cast<EmailLinkKind>(kind);
  link.resource_key = *key;
  link.operation_id = parts[2];
  link.position = *position;
  link.url = parts[4];
  const ResourcePtr resource = resources_.find_by_key(link.resource_key);
  if (!resource) return std::nullopt;
  std::optional<std::string> secret;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = secrets_.find(link.resource_key); found != secrets_.end()) secret = found->second;
  }
  if (!secret)
    resource->database->read([&](store::Session& session) { secret = email_records::find_key(session, link.resource_key); });
  if (!secret) return std::nullopt;
  const std::string_view mac = std::string_view(*bytes).substr(payload.size());
  if (!crypto::constant_time_equal(mac_of(*secret, payload), mac)) return std::nullopt;
  return link;
}

std::string EmailTracking::track_html(std::string_view html, std::string_view base, std::string_view secret, EmailLink link) {
  std::string out;
  out.reserve(html.size() + 1024);
  std::size_t copied = 0;
  link.kind = EmailLinkKind::kClick;
  for (std::size_t tag = ifind(html, "<a"); tag != std::string_view::npos; tag = ifind(html, "<a", tag + 2)) {
    if (tag + 2 >= html.size() || !is_space(html[tag + 2])) continue;
    const std::size_t end = html.find('>', tag);
    if (end == std::string_view::npos) break;
    const auto href = href_of(html, tag, end);
    if (!href) continue;
    link.url = decode_entities(html.substr(href->first, href->second - href->first));
    if (!istarts_with(link.url, "http://") && !istarts_with(link.url, "https://")) continue;
    out += html.substr(copied, href->first - copied);
    out += url(base, secret, link);
    copied = href->second;
  }
  const std::string_view rest = html.substr(copied);
  link.kind = EmailLinkKind::kOpen;
  link.url.clear();
  const std::string picture =
      "<img src=\"" + url(base, secret, link) + "\" width=\"1\" height=\"1\" alt=\"\" style=\"display:block\">";
  const std::size_t body_end = ifind(rest, "</body");
  out += rest.substr(0, body_end);
  out += picture;
  if (body_end != std::string_view::npos) out += rest.substr(body_end);
  return out;
}

}  // namespace trunkline
