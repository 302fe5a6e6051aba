// Which countries take which senders.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>

namespace trunkline {

/// From a dated data file; immutable. [any-thread]
class SenderRules {
 public:
  enum class Verdict { kTaken, kRegistered, kRefused };
  struct Answer {
    Verdict verdict = Verdict::kTaken;
    /// What the file says about the country; borrows from the rules.
    std::string_view note;
  };

  /// The built-in file.
  static SenderRules built_in();
  /// Throws kNotFound, or kInvalidArgument with what is wrong; `file` is for messages.
  static SenderRules parse(std::string_view json, const std::string& file);
  static SenderRules load(const std::filesystem::path& file);

  /// Numbers are always taken: where they may come from is the carrier's matter. `country`: ISO 3166-1 of the recipient.
  Answer ask(std::string_view sender, std::string_view country) const;
  const std::string& date() const { return date_; }

 private:
  struct Country {
    Verdict alphanumeric = Verdict::kTaken;
    std::string note;
  };
  std::string date_;
  std::unordered_map<std::uint16_t, Country> countries_;
};

}  // namespace trunkline
