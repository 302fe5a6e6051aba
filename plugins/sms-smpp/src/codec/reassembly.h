// Texts whose parts come one by one. Pure; whoever uses it says what time it is.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pdu.h"
#include "text_coding.h"
#include "user_data.h"

namespace smpp {

struct Fragment {
  Address source;
  Address destination;
  Concatenation concatenation;
  std::uint8_t data_coding = 0;
  std::uint8_t registered_delivery = 0;
  UserDataHeader header;
  std::string octets;  // behind the header

  /// The same for all parts of one text.
  std::string key() const;
};

/// The header and the text of a message apart. Throws Malformed.
Fragment read_fragment(const Message& message);
/// As the parts say it, in their order; parts that are missing are left out.
std::string join(const TextCoder& coder, const std::vector<Fragment>& parts);

/// Bounded in texts. Not thread-safe.
class Reassembly {
 public:
  Reassembly(std::size_t max_texts, trunkline::Duration patience) : max_texts_(max_texts), patience_(patience) {}

  /// A text that is whole now. A part that comes again takes the place of the earlier one.
  std::optional<std::vector<Fragment>> add(Fragment fragment, trunkline::Time now);
  /// A text that has waited too long, or one too many: what there is of it. Call until nullopt.
  std::optional<std::vector<Fragment>> overdue(trunkline::Time now);
  /// What there is of the text with this key, which is forgotten.
  std::optional<std::vector<Fragment>> take(const std::string& key);
  /// When overdue() has something next.
  std::optional<trunkline::Time> next_due() const;
  std::size_t size() const { return texts_.size(); }

 private:
  struct Text {
    trunkline::Time due;
    std::map<std::uint8_t, Fragment> parts;
  };
  static std::vector<Fragment> in_order(Text text);

  const std::size_t max_texts_;
  const trunkline::Duration patience_;
  std::map<std::string, Text> texts_;
  std::deque<std::pair<trunkline::Time, std::string>> order_;  // by due time; keys that are gone are dropped lazily
};

}  // namespace smpp
