#include "phone_book.h"

#include <algorithm>

namespace sms_sandbox {

using trunkline::sandbox::Phone;
using trunkline::sandbox::PhoneMessage;

void PhoneBook::add(const std::string& number, PhoneMessage message) {
  const auto [at, is_new] = entries_.try_emplace(number);
  Entry& entry = at->second;
  if (is_new)
    entry.use = by_use_.insert(by_use_.begin(), &at->first);
  else
    by_use_.splice(by_use_.begin(), by_use_, entry.use);
  entry.messages.push_back(std::move(message));
  if (entry.messages.size() > messages_per_phone_) entry.messages.pop_front();
  if (entries_.size() > phones_) {
    const std::string oldest = *by_use_.back();  // a copy: erase() would read a key that it frees
    by_use_.pop_back();
    entries_.erase(oldest);
  }
}

std::vector<Phone> PhoneBook::phones() const {
  std::vector<Phone> phones;
  phones.reserve(entries_.size());
  for (const auto& [number, entry] : entries_) {
    Phone& phone = phones.emplace_back();
    phone.number = number;
    phone.message_count = static_cast<std::int32_t>(entry.messages.size());
  }
  std::sort(phones.begin(), phones.end(), [](const Phone& a, const Phone& b) { return a.number < b.number; });
  return phones;
}

std::vector<PhoneMessage> PhoneBook::messages(const std::string& number) const {
  const auto found = entries_.find(number);
  if (found == entries_.end()) return {};
  return {found->second.messages.begin(), found->second.messages.end()};
}

void PhoneBook::clear() {
  entries_.clear();
  by_use_.clear();
}

}  // namespace sms_sandbox
