#include "runtime/config/email_section.h"

#include <algorithm>

#include "runtime/base/strings.h"

namespace trunkline {
namespace {

bool is_domain(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  for (const std::string_view label : split(text, '.'))
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-' ||
        !std::all_of(label.begin(), label.end(),
                     [](char c) { return is_digit(c) || c == '-' || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'); }))
      return false;
  return text.find('.') != std::string_view::npos;
}

bool is_username(std::string_view text) {
  return !text.empty() && text.size() <= 64 && text.front() != '.' && text.back() != '.' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '.' || c == '-' || c == '_' || c == '+';
         });
}

}  // namespace

void read_email(ConfigSection& section, EmailConfig& out) {
  section.choice("rate_limits", out.rate_limits,
                 {{"off", EmailConfig::RateLimits::kOff}, {"documented", EmailConfig::RateLimits::kDocumented}});
  if (section.text("public_url", out.public_url) && !out.public_url.empty()) {
    if (!out.public_url.starts_with("http://") && !out.public_url.starts_with("https://"))
      section.problem("public_url", "wanted an http or https URL, found '" + out.public_url + "'");
    if (!out.public_url.ends_with('/')) out.public_url += '/';
  }
}

void read_email_domains(ConfigSection& resource, std::vector<EmailDomainConfig>& out) {
  resource.each("email_domains", [&](ConfigSection& item) {
    EmailDomainConfig& domain = out.emplace_back();
    item.required_text("domain", domain.domain);
    if (!domain.domain.empty() && !is_domain(domain.domain))
      item.problem("domain", "wanted a domain such as mail.example.com, found '" + domain.domain + "'");
    item.each("senders", [&](ConfigSection& sender) {
      EmailSenderConfig& one = domain.senders.emplace_back();
      sender.required_text("username", one.username);
      if (!one.username.empty() && !is_username(one.username))
        sender.problem("username", "wanted letters, digits, '.', '-', '_' and '+', found '" + one.username + "'");
      sender.text("display_name", one.display_name);
    });
    item.boolean("engagement_tracking", domain.engagement_tracking);
  });
}

}  // namespace trunkline
