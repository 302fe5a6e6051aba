#include "runtime/workflow/table.h"

#include <utility>

namespace trunkline::workflow {

void TableText::csv_line(std::span<const std::string> cells) {
  bool first = true;
  for (const std::string& cell : cells) {
    if (!first) text_ += ',';
    first = false;
    if (cell.find_first_of(",\"\r\n") == std::string::npos) {
      text_ += cell;
      continue;
    }
    text_ += '"';
    for (const char c : cell) {
      if (c == '"') text_ += '"';
      text_ += c;
    }
    text_ += '"';
  }
  text_ += "\r\n";
}

void TableText::html_row(std::span<const std::string> cells, const char* element) {
  text_ += "<tr>";
  for (const std::string& cell : cells) {
    text_ += std::string("<") + element + ">";
    for (const char c : cell) {
      switch (c) {
        case '&':
          text_ += "&amp;";
          break;
        case '<':
          text_ += "&lt;";
          break;
        case '>':
          text_ += "&gt;";
          break;
        case '"':
          text_ += "&quot;";
          break;
        case '\'':
          text_ += "&#39;";
          break;
        default:
          text_ += c;
      }
    }
    text_ += std::string("</") + element + ">";
  }
  text_ += "</tr>";
}

void TableText::header(std::span<const std::string> cells) {
  has_header_ = true;
  if (format_ == Format::kCsv) {
    csv_line(cells);
  } else {
    text_ += "<thead>";
    html_row(cells, "th");
    text_ += "</thead>";
  }
  head_ = std::exchange(text_, {});
}

void TableText::row(std::span<const std::string> cells) {
  if (format_ == Format::kCsv)
    csv_line(cells);
  else
    html_row(cells, "td");
}

std::string TableText::finish() {
  if (format_ == Format::kCsv) return head_ + text_;
  return "<table>" + head_ + "<tbody>" + text_ + "</tbody></table>";
}

}  // namespace trunkline::workflow
