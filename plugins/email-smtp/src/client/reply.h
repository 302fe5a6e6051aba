// What an SMTP server says.
#pragma once
#include <map>
#include <string>
#include <string_view>

namespace email_smtp {

/// One reply, its lines joined by spaces.
struct Reply {
  int code = 0;
  std::string text;

  bool good() const { return code >= 200 && code < 400; }
  bool temporary() const { return code >= 400 && code < 500; }
  /// The enhanced status code that the text begins with, else one of the reply's class: `4.0.0`.
  std::string status_code() const;
  /// `550 5.1.1 no such user`
  std::string str() const { return std::to_string(code) + (text.empty() ? "" : " " + text); }
  /// What a queue says of a mail it has taken; empty: nothing that we know.
  std::string queue_id() const;
};

/// What a server offers: keywords of its answer to EHLO with their parameters, both in capitals.
class Offers {
 public:
  /// `lines`: of the reply, separated by line breaks; the first one is the greeting.
  static Offers parse(std::string_view lines);
  bool has(const std::string& keyword) const { return keywords_.contains(keyword); }
  bool has_auth(std::string_view mechanism) const;
  /// Largest mail; 0: no limit is known.
  std::size_t max_size() const;

 private:
  std::map<std::string, std::string> keywords_;
};

}  // namespace email_smtp
