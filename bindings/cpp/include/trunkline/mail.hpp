// Mail as bytes (RFC 5322, MIME): composing, DKIM signing, reading. For mail plugins and the runtime; link `trunkline_mail`.
// Hand-written.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "trunkline/email.hpp"

namespace trunkline::mail {

/// A composed mail, lines ended by CR LF.
struct Message {
  /// Without the empty line that ends them.
  std::string headers;
  std::string body;

  std::string str() const { return headers + "\r\n" + body; }
  std::size_t size() const { return headers.size() + 2 + body.size(); }
};

struct ComposeOptions {
  /// Text may go as it is (8BITMIME) where its lines are short enough; else quoted-printable or base64.
  bool eight_bit = false;
};

/// Pure; [any-thread]. Errors: kInvalidArgument for addresses, header names and values that would break the mail.
Message compose(const email::EmailSendRequest& request, ComposeOptions options = {});
/// The mail needs SMTPUTF8: an address of it has characters beyond ASCII.
bool needs_smtputf8(const email::EmailSendRequest& request);

/// One private key of a signing domain. Immutable, [any-thread].
class DkimSigner {
 public:
  /// `pem`: RSA of 1024 bits and more, or Ed25519. Errors: kInvalidArgument, naming `privateKey`, `domain` or `selector`.
  DkimSigner(std::string domain, std::string selector, std::string_view pem);
  ~DkimSigner();
  DkimSigner(DkimSigner&&) noexcept;
  DkimSigner& operator=(DkimSigner&&) noexcept;

  const std::string& domain() const { return domain_; }
  /// The `DKIM-Signature` header with its line ends, to stand before the other headers (RFC 6376, RFC 8463; relaxed/relaxed).
  std::string sign(const Message& message, Time at) const;

 private:
  struct Key;
  std::string domain_;
  std::string selector_;
  std::unique_ptr<Key> key_;
};

struct File {
  std::string name;
  std::string content_type;
  std::string content_id;  // without angle brackets
  std::string content;     // decoded
};

/// A mail taken apart; text is UTF-8 whatever it came in. What is malformed is left out, never an error.
struct Parsed {
  std::string subject;
  std::string from;  // the first address, without its name
  std::vector<std::string> to;
  std::vector<std::string> cc;
  std::string message_id;    // with angle brackets, as all ids
  std::string in_reply_to;   // the first
  std::string content_type;  // of the whole: `multipart/report`, lower case
  std::optional<std::string> plain_text;
  std::optional<std::string> html;
  std::vector<std::string> headers;  // `Name: value`, decoded, in order
  std::vector<File> files;

  /// The first header of this name; empty when absent.
  std::string header(std::string_view name) const;
};
Parsed parse(std::string_view raw);

/// What a delivery status notification (RFC 3464) or a feedback report (RFC 5965) says about one recipient.
struct StatusReport {
  std::string recipient;  // the original one where it is given
  /// delivered, bounced, failed, expanded, sent (delayed or relayed) or complained.
  email::EmailState state = email::EmailState::kUnknown;
  std::string status_code;  // `5.1.1`
  std::string diagnostic;
  /// Of the mail it is about, from the part that was sent back; empty when that is missing.
  std::string original_message_id;
  /// `Original-Envelope-Id` (RFC 3461), decoded.
  std::string envelope_id;
};
/// Empty: the mail is no report.
std::vector<StatusReport> read_status_reports(std::string_view raw);

/// `local@domain` with a domain of at least one label, at most 254 bytes, nothing that could break out of an envelope.
bool is_address(std::string_view text);
/// The part behind the last `@`; empty when there is none.
std::string_view domain_of(std::string_view address);

}  // namespace trunkline::mail
