// The virtual phones of one resource, and what they remember.
#pragma once
#include <cstdint>
#include <deque>
#include <list>
#include <string>
#include <unordered_map>
#include <vector>

#include "trunkline/sandbox.hpp"

namespace sms_sandbox {

/// Bounded: a phone forgets its oldest messages, the book the phone that was used least recently. Not thread-safe: a World
/// guards it.
class PhoneBook {
 public:
  PhoneBook(std::size_t messages_per_phone, std::size_t phones) : messages_per_phone_(messages_per_phone), phones_(phones) {}

  void add(const std::string& number, trunkline::sandbox::PhoneMessage message);
  /// By number.
  std::vector<trunkline::sandbox::Phone> phones() const;
  /// Oldest first; empty for a number that never got or sent anything.
  std::vector<trunkline::sandbox::PhoneMessage> messages(const std::string& number) const;
  void clear();

 private:
  struct Entry {
    std::deque<trunkline::sandbox::PhoneMessage> messages;
    std::list<const std::string*>::iterator use;
  };
  std::size_t messages_per_phone_;
  std::size_t phones_;
  std::unordered_map<std::string, Entry> entries_;
  std::list<const std::string*> by_use_;  // keys of entries_, the one used last in front
};

}  // namespace sms_sandbox
