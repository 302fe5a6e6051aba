// What the runtime tells: reports and texts, as deliver_sm to whom they concern.
#include <nlohmann/json.hpp>

#include "server.h"

namespace sms_smpp_server {

using nlohmann::json;
using smpp::MessageState;
using trunkline::Properties;
using trunkline::host::LogLevel;

namespace {

constexpr Duration kTellAgain = std::chrono::seconds(5);

std::string text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// The state of a failure by its code, of which the details begin.
MessageState failed_state(const std::string& details) {
  const std::string code = details.substr(0, 4);
  for (const char* refused : {"4000", "4001", "4005", "4007", "4009", "4010", "4020"})
    if (code == refused) return MessageState::kRejected;
  return code == "5002" || code == "9999" ? MessageState::kUnknown : MessageState::kUndeliverable;
}

}  // namespace

smpp::Message Server::receipt_message(const smpp::Address& sender, const smpp::Address& recipient,
                                      const smpp::Receipt& receipt) const {
  smpp::Message message;
  message.source = recipient;
  message.destination = sender;
  message.esm_class = smpp::kEsmReceipt;
  message.short_message = smpp::format_receipt_text(receipt, timers_.now(), timers_.now());
  smpp::add_text(message.tlvs, smpp::tag::kReceiptedMessageId, receipt.message_id);
  smpp::add_number(message.tlvs, smpp::tag::kMessageState, static_cast<std::uint32_t>(receipt.state), 1);
  return message;
}

std::vector<smpp::Message> Server::receipts_of(const json& data) {
  std::vector<smpp::Message> messages;
  const auto tag = parse_tag(sms_smpp_server::text_of(data, "tag"));
  if (!tag) return messages;  // not of a client of ours
  const std::string details = sms_smpp_server::text_of(data, "deliveryStatusDetails");
  const bool delivered = sms_smpp_server::text_of(data, "deliveryStatus") == "Delivered";
  smpp::Receipt receipt;
  receipt.state = delivered ? MessageState::kDelivered : failed_state(details);
  if (!delivered && details.size() >= 4) receipt.error = details.substr(1, 3);
  remember(tag->system_id + "/" + tag->id, receipt.state);
  for (int i = 1; i <= tag->parts; ++i) {
    if (!tag->wants(i, !delivered)) continue;
    receipt.message_id = tag->parts == 1 ? tag->id : tag->id + "-" + std::to_string(i);
    messages.push_back(receipt_message(tag->source, tag->destination, receipt));
  }
  return messages;
}

std::vector<smpp::Message> Server::text_of(const json& data, std::string& system_id) {
  const std::string to = sms_smpp_server::text_of(data, "to");
  const auto owner = settings_.client_of_number.find(to);
  if (owner != settings_.client_of_number.end())
    system_id = owner->second;
  else if (clients_.size() == 1)
    system_id = clients_.begin()->first;
  if (system_id.empty()) {
    log_.write(LogLevel::kWarning, "a text is to a number that no client has", Properties{{"to", to}});
    return {};
  }
  smpp::Message message;
  message.source = client_address(sms_smpp_server::text_of(data, "from"));
  message.destination = client_address(to);
  const smpp::CodedText text = coder_.encode(sms_smpp_server::text_of(data, "message"), trunkline::sms::Encoding::kAuto);
  return coder_.fill(message, text, ++reference_);
}

ClientSessionPtr Server::receiver_of(const std::string& system_id) const {
  for (const ClientSessionPtr& one : sessions_)
    if (one->can_receive() && one->system_id() == system_id) return one;
  return nullptr;
}

void Server::deliver_all(const std::string& system_id, std::vector<smpp::Message> messages, std::function<void(bool)> done) {
  const ClientSessionPtr session = receiver_of(system_id);
  if (!session) return done(false);
  auto left = std::make_shared<std::size_t>(messages.size());
  auto good = std::make_shared<bool>(true);
  auto end = std::make_shared<std::function<void(bool)>>(std::move(done));
  for (const smpp::Message& message : messages)
    session->deliver(message, [this, alive = alive_, system_id, left, good, end](std::uint32_t verdict) {
      if (!*alive) return;
      if (!is_settled(system_id, verdict)) *good = false;
      if (--*left == 0) (*end)(*good);
    });
}

/// The rows go once the client has the receipts: a restart in between does not lose them.
void Server::tell_dropped(const std::shared_ptr<Dropped>& dropped) {
  deliver_all(dropped->system_id, dropped->receipts, [this, alive = alive_, dropped](bool taken) {
    if (!*alive) return;
    if (taken || timers_.now() >= dropped->until) {
      --telling_;
      return remove_rows(dropped->keys);
    }
    timers_.after(kTellAgain, [this, dropped] { tell_dropped(dropped); });
  });
}

void Server::take_events(json events, std::function<void(bool)> done) {
  if (loading_ && !stopping_) {
    before_loaded_.emplace_back(std::make_shared<json>(std::move(events)), std::move(done));
    return;
  }
  struct Batch {
    std::string system_id;
    std::vector<smpp::Message> messages;
  };
  std::vector<Batch> batches;
  for (const json& event : events.is_array() ? events : json::array({events})) {
    if (!event.is_object() || !event.contains("data")) continue;
    std::string type = sms_smpp_server::text_of(event, "eventType");
    if (type.empty()) type = sms_smpp_server::text_of(event, "type");
    const json& data = event["data"];
    Batch batch;
    if (type == "Microsoft.Communication.SMSDeliveryReportReceived") {
      batch.messages = receipts_of(data);
      if (const auto tag = parse_tag(sms_smpp_server::text_of(data, "tag"))) batch.system_id = tag->system_id;
    } else if (type == "Microsoft.Communication.SMSReceived") {
      batch.messages = text_of(data, batch.system_id);
    }
    if (!batch.messages.empty()) batches.push_back(std::move(batch));
  }
  if (batches.empty()) return done(true);
  auto left = std::make_shared<std::size_t>(batches.size());
  auto good = std::make_shared<bool>(true);
  auto end = std::make_shared<std::function<void(bool)>>(std::move(done));
  for (Batch& batch : batches)
    hand_out(batch.system_id, std::move(batch.messages), [left, good, end](bool taken) {
      if (!taken) *good = false;
      if (--*left == 0) (*end)(*good);
    });
}

}  // namespace sms_smpp_server
