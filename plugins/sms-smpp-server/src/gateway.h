// The way into the runtime: its own SMS operations over HTTP, and its events.
#pragma once
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "codec/receipt.h"
#include "engine/azure_key.h"
#include "settings.h"
#include "trunkline/host_client.hpp"

namespace sms_smpp_server {

/// One text of a client, whole.
struct Submission {
  std::string system_id;  // whose it is
  std::string id;         // as the client knows it; its parts are <id>-1, <id>-2, …
  int parts = 1;
  smpp::Address source, destination;
  std::string receipts;  // which the client wants, a letter of receipt_letter() for each part
  std::string text;      // UTF-8
};

/// What registered_delivery asks for: kNoReceipt, kOnFailure or kReceipt.
char receipt_letter(std::uint8_t registered_delivery);
constexpr char kNoReceipt = 'n', kOnFailure = 'f', kReceipt = 'a';

/// What travels with a message as its tag and comes back in its report, so that nothing has to be remembered.
std::string tag_of(const Submission& submission);
struct Tag {
  std::string system_id, id;
  int parts = 1;
  std::string receipts;  // one letter for all parts, or one for each
  smpp::Address source, destination;

  /// Whether a receipt of this part is wanted; parts are counted from 1.
  bool wants(int part, bool failed) const;
};
std::optional<Tag> parse_tag(std::string_view tag);

/// [io thread]
class Gateway {
 public:
  Gateway(boost::asio::io_context& io, const Settings& settings, const trunkline::host::HttpClient& http,
          const trunkline::host::ClockClient& clock, http_carrier::AzureConnection connection);
  ~Gateway() { *alive_ = false; }

  /// The status that the client is answered. A lost answer is asked for again under the same id, so nothing is sent twice.
  void send(Submission submission, std::function<void(std::uint32_t status)> done);

 private:
  trunkline::Task<std::uint32_t> attempt(Submission submission);
  trunkline::host::HttpRequest request_for(const Submission& submission) const;

  boost::asio::io_context& io_;
  const Settings& settings_;
  const trunkline::host::HttpClient http_;
  const trunkline::host::ClockClient clock_;
  const http_carrier::AzureConnection connection_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace sms_smpp_server
