#include "rule_set.h"

namespace sms_sandbox {

using trunkline::sandbox::PhoneRule;

namespace {
bool matches(const PhoneRule& rule, std::string_view number) { return rule.match == "*" || number.starts_with(rule.match); }
}  // namespace

void RuleSet::add(PhoneRule rule) {
  if (added_ >= kMaxAdded)
    throw trunkline::Error(trunkline::ErrorCode::kResourceExhausted,
                           "a resource has at most " + std::to_string(kMaxAdded) + " added rules");
  rules_.push_back(std::move(rule));
  ++added_;
}

PhoneRule RuleSet::use(std::string_view number, bool& otherwise) {
  otherwise = false;
  for (std::size_t i = rules_.size(); i-- > 0;) {
    if (!matches(rules_[i], number)) continue;
    otherwise = i == 0;
    if (rules_[i].times == 0) return rules_[i];
    if (--rules_[i].times > 0) return rules_[i];
    PhoneRule rule = std::move(rules_[i]);  // its last use; 0 in the list would mean for ever
    if (i >= rules_.size() - added_) --added_;
    rules_.erase(rules_.begin() + static_cast<std::ptrdiff_t>(i));
    return rule;
  }
  return {};
}

std::vector<PhoneRule> RuleSet::list() const { return {rules_.rbegin(), rules_.rend()}; }

void RuleSet::reset() {
  rules_.assign(base_.rbegin(), base_.rend());
  added_ = 0;
}

}  // namespace sms_sandbox
