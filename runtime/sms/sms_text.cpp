#include "runtime/sms/sms_text.h"

#include <algorithm>

#include "runtime/base/utf8.h"

namespace trunkline {
namespace {

// GSM 03.38 beyond the characters it shares with ASCII.
constexpr char32_t kBasicOthers[] = U"@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ ¤¡ÄÖÑÜ§¿äöñüà";
constexpr char32_t kExtension[] = U"\f^{}\\[~]|€";

bool in_table(const char32_t* table, char32_t c) {
  for (; *table; ++table)
    if (*table == c) return true;
  return false;
}

/// Septets of one character; 0: not in GSM-7.
int septets(char32_t c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return 1;
  if (c >= 0x20 && c <= 0x3F && c != '$' && c != '@') return c == '`' ? 0 : 1;
  if (in_table(kBasicOthers, c)) return 1;
  if (in_table(kExtension, c)) return 2;
  return 0;
}

/// Fills parts of `capacity` units with characters of 1 or 2 units that must not be split.
class PartCounter {
 public:
  PartCounter(int single, int part) : single_(single), part_(part) {}
  void add(int units) {
    total_ += units;
    if (used_ + units > part_) {
      ++parts_;
      used_ = 0;
    }
    used_ += units;
  }
  int parts() const { return total_ <= single_ ? 1 : parts_; }

 private:
  int single_, part_;
  int total_ = 0, used_ = 0, parts_ = 1;
};

}  // namespace

SmsTextInfo measure_sms_text(std::string_view text) {
  SmsTextInfo info;
  PartCounter gsm(160, 153), ucs(70, 67);
  while (const auto code_point = take_code_point(text)) {
    const char32_t c = *code_point;
    ++info.characters;
    ucs.add(c > 0xFFFF ? 2 : 1);
    const int units = septets(c);
    if (units == 0 && info.costly_character.empty()) {
      append_utf8(info.costly_character, c);
      info.encoding = sms::Encoding::kUcs2;
    }
    gsm.add(units);
  }
  info.segments = info.encoding == sms::Encoding::kGsm7 ? gsm.parts() : ucs.parts();
  return info;
}

}  // namespace trunkline
