// Tables as CSV (RFC 4180) and HTML text.
#pragma once
#include <span>
#include <string>

namespace trunkline::workflow {

class TableText {
 public:
  enum class Format { kCsv, kHtml };
  explicit TableText(Format format) : format_(format) {}

  void header(std::span<const std::string> cells);
  void row(std::span<const std::string> cells);
  std::string finish();

 private:
  void csv_line(std::span<const std::string> cells);
  void html_row(std::span<const std::string> cells, const char* element);

  const Format format_;
  bool has_header_ = false;
  std::string head_;
  std::string text_;
};

}  // namespace trunkline::workflow
