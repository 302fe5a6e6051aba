// Forms with files (multipart/form-data, RFC 7578).
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace email_sendgrid {

struct FormFile {
  std::string field;
  std::string name;
  std::string content_type;
  std::string_view content;  // of the body that was read
};

struct FormData {
  std::map<std::string, std::string_view> fields;  // the last of a name counts; of the body that was read
  std::vector<FormFile> files;

  std::string_view field(const std::string& name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string_view() : found->second;
  }
};

/// The boundary of a `multipart/form-data` content type; empty: it is something else. At most 70 characters, as RFC 2046 says.
std::string boundary_of(std::string_view content_type);
/// Borrows from `body`. Throws kInvalidArgument for what is no form, for more than 1,000 parts and for headers of a part above
/// 16 KiB.
FormData read_form_data(std::string_view body, std::string_view boundary);

}  // namespace email_sendgrid
