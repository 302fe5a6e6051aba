#include "runtime/services/number_pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <array>

#include "trunkline/error.hpp"

namespace trunkline {
namespace {

// A number has at most 24 characters; what honest patterns need lies far below.
constexpr std::uint32_t kMatchLimit = 100'000;
constexpr std::uint32_t kDepthLimit = 1'000;
constexpr std::size_t kMaxPattern = 1024;

struct Free {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};

}  // namespace

struct NumberPattern::Code {
  std::unique_ptr<pcre2_code, Free> compiled;
  std::unique_ptr<pcre2_match_context, Free> limits;
};

NumberPattern::NumberPattern(const std::string& pattern) {
  if (pattern.size() > kMaxPattern)
    throw Error(ErrorCode::kInvalidArgument, "the pattern has more than 1024 characters", "numberPattern");
  int fault = 0;
  PCRE2_SIZE offset = 0;
  auto code = std::make_shared<Code>();
  code->compiled.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), PCRE2_NEVER_BACKSLASH_C,
                                     &fault, &offset, nullptr));
  if (!code->compiled) {
    std::array<PCRE2_UCHAR, 160> text{};
    pcre2_get_error_message(fault, text.data(), text.size());
    throw Error(ErrorCode::kInvalidArgument,
                "'" + pattern + "' is no regular expression: " + reinterpret_cast<const char*>(text.data()) + " at character " +
                    std::to_string(offset),
                "numberPattern");
  }
  code->limits.reset(pcre2_match_context_create(nullptr));
  if (!code->limits) throw std::bad_alloc();
  pcre2_set_match_limit(code->limits.get(), kMatchLimit);
  pcre2_set_depth_limit(code->limits.get(), kDepthLimit);
  code_ = std::move(code);
}

bool NumberPattern::matches(std::string_view number) const {
  const std::unique_ptr<pcre2_match_data, Free> data(pcre2_match_data_create_from_pattern(code_->compiled.get(), nullptr));
  if (!data) throw std::bad_alloc();
  return pcre2_match(code_->compiled.get(), reinterpret_cast<PCRE2_SPTR>(number.data()), number.size(), 0, 0, data.get(),
                     code_->limits.get()) >= 0;
}

}  // namespace trunkline
