// An allow-list: what is not known is not let through. The input is read once from left to right; nothing of it decides how the
// output is read but through the tables below.
#include "runtime/services/chat_html.h"

#include <algorithm>
#include <array>

#include "runtime/base/strings.h"

namespace trunkline {
namespace {

using namespace std::string_view_literals;

// Sorted.
constexpr std::array kElements = {"a"sv,      "abbr"sv,   "at"sv,  "b"sv,   "blockquote"sv, "br"sv,    "code"sv,  "dd"sv,
                                  "del"sv,    "div"sv,    "dl"sv,  "dt"sv,  "em"sv,         "font"sv,  "h1"sv,    "h2"sv,
                                  "h3"sv,     "h4"sv,     "h5"sv,  "h6"sv,  "hr"sv,         "i"sv,     "img"sv,   "ins"sv,
                                  "li"sv,     "ol"sv,     "p"sv,   "pre"sv, "q"sv,          "s"sv,     "small"sv, "span"sv,
                                  "strike"sv, "strong"sv, "sub"sv, "sup"sv, "table"sv,      "tbody"sv, "td"sv,    "tfoot"sv,
                                  "th"sv,     "thead"sv,  "tr"sv,  "u"sv,   "ul"sv};
// Their content is no text for people.
constexpr std::array kDropped = {"applet"sv,   "frameset"sv, "iframe"sv,   "math"sv,   "noembed"sv,
                                 "noframes"sv, "noscript"sv, "object"sv,   "script"sv, "style"sv,
                                 "svg"sv,      "template"sv, "textarea"sv, "title"sv,  "xmp"sv};
constexpr std::array kAttributes = {"align"sv,   "alt"sv,  "class"sv, "color"sv,     "colspan"sv,  "dir"sv,
                                    "height"sv,  "href"sv, "id"sv,    "itemscope"sv, "itemtype"sv, "lang"sv,
                                    "rowspan"sv, "src"sv,  "title"sv, "valign"sv,    "width"sv};
constexpr std::array kSchemes = {"http"sv, "https"sv, "mailto"sv, "sip"sv, "tel"sv};

template <std::size_t N>
constexpr bool sorted(const std::array<std::string_view, N>& table) {
  return std::is_sorted(table.begin(), table.end());
}
static_assert(sorted(kElements) && sorted(kDropped) && sorted(kAttributes) && sorted(kSchemes));

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& table, std::string_view word) {
  return std::binary_search(table.begin(), table.end(), word);
}

constexpr bool ends_name(char c) { return is_space(c) || c == '/' || c == '>' || c == '=' || c == '<' || c == '"' || c == '\''; }

/// Without what browsers ignore in a URL, and with character references undone as far as a scheme can be hidden in them: any
/// `&` before the first ':' makes it suspicious.
bool is_safe_url(std::string_view url) {
  std::string scheme;
  for (const char c : url) {
    if (static_cast<unsigned char>(c) <= 0x20) continue;
    if (c == ':') return contains(kSchemes, scheme);
    if (c == '&' || c == '"' || c == '<' || c == '>') return false;
    if (c == '/' || c == '?' || c == '#') return true;  // no scheme
    scheme.push_back(ascii_lower(c));
  }
  return true;
}

class Sanitizer {
 public:
  explicit Sanitizer(std::string_view html) : in_(html) { out_.reserve(html.size()); }

  std::string run() {
    while (at_ < in_.size()) {
      const std::size_t open = std::min(in_.find('<', at_), in_.size());
      text(in_.substr(at_, open - at_));
      at_ = open;
      if (at_ < in_.size()) markup();
    }
    return std::move(out_);
  }

 private:
  void text(std::string_view part) {
    for (const char c : part) {
      if (c == '>')
        out_ += "&gt;";
      else if (c != '\0')
        out_.push_back(c);
    }
  }

  // At a '<'.
  void markup() {
    const std::string_view rest = in_.substr(at_);
    if (rest.starts_with("<!--")) return (void)skip_past("-->", 4);
    if (rest.size() > 1 && (rest[1] == '!' || rest[1] == '?')) return (void)skip_past(">", 2);
    const bool closing = rest.size() > 1 && rest[1] == '/';
    const std::size_t name_at = at_ + (closing ? 2 : 1);
    if (name_at >= in_.size() || !is_letter(in_[name_at])) {
      if (closing && name_at < in_.size()) return (void)skip_past(">", 2);  // a bogus comment
      out_ += "&lt;";
      ++at_;
      return;
    }
    at_ = name_at;
    const std::string name = read_name();
    if (closing) {
      const bool finished = skip_past(">", 0);
      if (finished && contains(kElements, name) && name != "br" && name != "img" && name != "hr")
        out_.append("</").append(name).append(">");
      return;
    }
    const std::size_t before = out_.size();
    const bool known = contains(kElements, name);
    if (known) out_.append("<").append(name);
    attributes(known);
    if (known) out_.append(">");
    if (unfinished_) out_.resize(before);
    if (!unfinished_ && contains(kDropped, name)) skip_element(name);
  }

  std::string read_name() {
    std::string name;
    while (at_ < in_.size() && !ends_name(in_[at_])) name.push_back(ascii_lower(in_[at_++]));
    return name;
  }

  // Up to and with the '>' of the tag. `keep`: write those that are allowed.
  void attributes(bool keep) {
    while (at_ < in_.size()) {
      const char c = in_[at_];
      if (c == '>') {
        ++at_;
        return;
      }
      if (ends_name(c)) {
        ++at_;
        continue;
      }
      const std::string name = read_name();
      while (at_ < in_.size() && is_space(in_[at_])) ++at_;
      std::string_view value;
      if (at_ < in_.size() && in_[at_] == '=') {
        ++at_;
        value = read_value();
      }
      if (keep && !unfinished_ && contains(kAttributes, name) && ((name != "href" && name != "src") || is_safe_url(value)))
        write_attribute(name, value);
    }
    unfinished_ = true;
  }

  std::string_view read_value() {
    while (at_ < in_.size() && is_space(in_[at_])) ++at_;
    if (at_ >= in_.size()) return {};
    const char quote = in_[at_];
    const std::size_t from = quote == '"' || quote == '\'' ? at_ + 1 : at_;
    std::size_t to = from;
    if (from != at_) {
      to = std::min(in_.find(quote, from), in_.size());
      unfinished_ = unfinished_ || to == in_.size();
      at_ = std::min(to + 1, in_.size());
    } else {
      while (to < in_.size() && !is_space(in_[to]) && in_[to] != '>') ++to;
      at_ = to;
    }
    return in_.substr(from, to - from);
  }

  void write_attribute(const std::string& name, std::string_view value) {
    out_.append(" ").append(name).append("=\"");
    for (const char c : value) {
      if (c == '"')
        out_ += "&quot;";
      else if (c == '<')
        out_ += "&lt;";
      else if (c == '>')
        out_ += "&gt;";
      else if (c != '\0')
        out_.push_back(c);
    }
    out_.push_back('"');
  }

  // False: there is none, and nothing is left.
  bool skip_past(std::string_view mark, std::size_t from) {
    const std::size_t found = in_.find(mark, at_ + from);
    at_ = found == std::string_view::npos ? in_.size() : found + mark.size();
    return found != std::string_view::npos;
  }

  // The content of an element, up to the end tag of its name or the end of the text. Each byte is looked at once: what is
  // skipped is never read again.
  void skip_element(std::string_view name) {
    while (at_ < in_.size()) {
      const std::size_t end = in_.find("</", at_);
      if (end == std::string_view::npos) break;
      at_ = end + 2;
      if (!istarts_with(in_.substr(at_), name)) continue;
      const std::size_t behind = at_ + name.size();
      if (behind < in_.size() && !ends_name(in_[behind])) continue;
      return (void)skip_past(">", 0);
    }
    at_ = in_.size();
  }

  std::string_view in_;
  std::size_t at_ = 0;
  std::string out_;
  bool unfinished_ = false;  // a tag or value without an end: nothing of it is kept
};

}  // namespace

std::string sanitize_html(std::string_view html) { return Sanitizer(html).run(); }

}  // namespace trunkline
