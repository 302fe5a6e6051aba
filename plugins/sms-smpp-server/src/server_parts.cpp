// Texts that come in parts: kept on disk until the whole was accepted as one message.
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "listing.h"
#include "server.h"

namespace sms_smpp_server {

namespace asio = boost::asio;
namespace status = smpp::status;
using smpp::Fragment;
using smpp::MessageState;
using trunkline::Bytes;
using trunkline::Error;
using trunkline::Properties;
using trunkline::Result;
using trunkline::host::LogLevel;
using trunkline::host::StoreEntry;

namespace {

constexpr std::size_t kMaxTelling = 10'000;
constexpr Duration kPartsPatience = std::chrono::hours(24);
constexpr Duration kLookAgain = std::chrono::minutes(1);
constexpr Duration kSendAgain = std::chrono::seconds(5);
constexpr const char* kPrefix = "parts/";

std::string part_key(const std::string& id, int number) { return kPrefix + id + "/" + std::to_string(number); }

std::string part_name(const std::string& id, int number) { return id + "-" + std::to_string(number); }

/// `system_id \n` and the part as a PDU.
Bytes pack(const std::string& system_id, const Fragment& part) {
  smpp::Message message;
  message.source = part.source;
  message.destination = part.destination;
  message.data_coding = part.data_coding;
  message.registered_delivery = part.registered_delivery;
  smpp::UserDataHeader header = part.header;
  header.concatenation = part.concatenation;
  message.esm_class = smpp::kEsmUdhi;
  message.tlvs.push_back({smpp::tag::kMessagePayload, smpp::write_user_data_header(header) + part.octets});
  std::string row = system_id + "\n";
  smpp::encode(row, smpp::command::kDeliverSm, 0, 0, message);
  return Bytes(row.begin(), row.end());
}

trunkline::Task<void> remove_all(trunkline::host::StoreClient store, std::vector<std::string> keys) {
  for (std::string& key : keys) co_await store.remove(std::move(key));
}

std::vector<std::string> part_keys(const std::string& id, const std::vector<Fragment>& parts) {
  std::vector<std::string> keys;
  for (const Fragment& one : parts) keys.push_back(part_key(id, one.concatenation.number));
  return keys;
}

/// Whether this part is one of these parts, sent again.
bool comes_again(const Fragment& part, const std::vector<Fragment>& parts) {
  for (const Fragment& one : parts)
    if (one.concatenation.number == part.concatenation.number) return one.octets == part.octets;
  return false;
}

}  // namespace

Server::Texts& Server::texts_of(const std::string& system_id) {
  auto& texts = texts_[system_id];
  if (!texts) texts = std::make_unique<Texts>(settings_.inbound_texts, kPartsPatience);
  return *texts;
}

/// A part is answered once it is on disk; the last one once the whole text was accepted.
void Server::submit_part(const std::string& system_id, Fragment part, SubmitDone done) {
  Texts& texts = texts_of(system_id);
  const std::string key = part.key();
  const int number = part.concatenation.number;
  if (const auto sending = texts.sending.find(key); sending != texts.sending.end()) {
    Whole& whole = *sending->second;
    if (comes_again(part, whole.parts)) {
      const std::string name = part_name(whole.id, number);
      if (whole.answered) return done(status::kOk, name);
      whole.waiting.push_back([done = std::move(done), name](std::uint32_t verdict, const std::string&) { done(verdict, name); });
      return;
    }
  }
  std::string& id = texts.ids[key];
  if (id.empty()) id = new_id();
  const std::string base = id, name = part_name(base, number);
  Bytes row = pack(system_id, part);
  auto parts = texts.parts.add(std::move(part), timers_.now());
  forget_overdue();
  if (!parts) {
    trunkline::spawn(store_.put(part_key(base, number), std::move(row)),
                     [&io = io_, alive = alive_, done = std::move(done), name](Result<void> result) {
                       asio::post(io, [alive, done, name, ok = result.ok()] {
                         if (*alive) done(ok ? status::kOk : status::kSystemError, name);
                       });
                     });
    return;
  }
  texts.ids.erase(key);
  auto whole = std::make_shared<Whole>();
  whole->system_id = system_id;
  whole->id = base;
  whole->parts = std::move(*parts);
  whole->last = number;
  whole->waiting.push_back([done = std::move(done), name](std::uint32_t verdict, const std::string&) {
    done(verdict, verdict == status::kOk ? name : std::string());
  });
  texts.sending[key] = whole;
  send(whole);
}

void Server::send(const std::shared_ptr<Whole>& whole) {
  Submission submission;
  submission.system_id = whole->system_id;
  submission.id = whole->id;
  submission.parts = static_cast<int>(whole->parts.size());
  submission.source = whole->parts.front().source;
  submission.destination = whole->parts.front().destination;
  for (const Fragment& one : whole->parts) submission.receipts += receipt_letter(one.registered_delivery);
  submission.text = smpp::join(coder_, whole->parts);
  submit_whole(std::move(submission), [this, whole](std::uint32_t verdict, const std::string&) { sent(whole, verdict); });
}

void Server::sent(const std::shared_ptr<Whole>& whole, std::uint32_t verdict) {
  const bool again = verdict == status::kThrottled || verdict == status::kSystemError;
  if (whole->answered && again && timers_.now() < whole->until) {
    timers_.after(kSendAgain, [this, whole] { send(whole); });
    return;
  }
  Texts& texts = texts_of(whole->system_id);
  const std::string key = whole->parts.front().key();
  if (const auto found = texts.sending.find(key); found != texts.sending.end() && found->second == whole)
    texts.sending.erase(found);
  if (verdict == status::kOk)
    remove_rows(part_keys(whole->id, whole->parts));
  else if (whole->answered)
    drop(whole->system_id, whole->id, whole->parts, MessageState::kUndeliverable);
  else
    put_back(*whole, key);
  for (const SubmitDone& done : std::exchange(whole->waiting, {})) done(verdict, {});
}

/// It was not accepted: the client has to send its last part again, and the others wait for it as they did.
void Server::put_back(const Whole& whole, const std::string& key) {
  Texts& texts = texts_of(whole.system_id);
  std::vector<Fragment> others = whole.parts;
  std::erase_if(others, [&](const Fragment& one) { return one.concatenation.number == whole.last; });
  // Another text has taken its reference.
  if (!texts.ids.emplace(key, whole.id).second) return drop(whole.system_id, whole.id, others, MessageState::kUndeliverable);
  for (Fragment& one : others) texts.parts.add(std::move(one), timers_.now());
  watch();
}

/// Parts that waited too long for the others, or of one text too many.
void Server::forget(const std::string& system_id, const std::vector<Fragment>& parts, bool expired) {
  Texts& texts = texts_of(system_id);
  const auto found = texts.ids.find(parts.front().key());
  if (found == texts.ids.end()) return;
  const std::string id = std::move(found->second);
  texts.ids.erase(found);
  log_.write(LogLevel::kWarning, "a client's text stayed incomplete and was dropped",
             Properties{{"to", parts.front().destination.digits}});
  drop(system_id, id, parts, expired ? MessageState::kExpired : MessageState::kUndeliverable);
}

void Server::drop(const std::string& system_id, const std::string& id, const std::vector<Fragment>& parts, MessageState state) {
  smpp::Receipt receipt;
  receipt.state = state;
  remember(system_id + "/" + id, state);
  auto dropped = std::make_shared<Dropped>();
  dropped->system_id = system_id;
  dropped->until = timers_.now() + kPartsPatience;
  dropped->keys = part_keys(id, parts);
  for (const Fragment& one : parts) {
    if (receipt_letter(one.registered_delivery) == kNoReceipt) continue;
    receipt.message_id = part_name(id, one.concatenation.number);
    dropped->receipts.push_back(receipt_message(one.source, one.destination, receipt));
  }
  if (dropped->receipts.empty() || telling_ >= kMaxTelling) return remove_rows(std::move(dropped->keys));
  ++telling_;
  tell_dropped(dropped);
}

void Server::forget_overdue() {
  const auto now = timers_.now();
  for (auto& [system_id, texts] : texts_)
    for (;;) {
      const auto due = texts->parts.next_due();
      const auto lost = texts->parts.overdue(now);
      if (!lost) break;
      forget(system_id, *lost, due && *due <= now);
    }
  watch();
}

void Server::watch() {
  if (watching_) return;
  std::optional<Time> first;
  for (const auto& [system_id, texts] : texts_)
    if (const auto due = texts->parts.next_due()) first = std::min(first.value_or(*due), *due);
  if (!first) return;
  watching_ = true;
  timers_.at(std::max(*first, timers_.now() + kLookAgain), [this] {
    watching_ = false;
    forget_overdue();
  });
}

void Server::remove_rows(std::vector<std::string> keys) {
  trunkline::spawn(remove_all(store_, std::move(keys)), [](Result<void>) {});
}

void Server::load_parts() {
  trunkline::spawn(sms_smpp::read_all(store_, kPrefix), [this, &io = io_, alive = alive_](Result<std::vector<StoreEntry>> rows) {
    asio::post(io, [this, alive, rows = std::move(rows)] {
      if (!*alive) return;
      if (rows.ok())
        take_up(rows.value());
      else
        log_.write(LogLevel::kError, "parts of texts cannot be read", Properties{{"reason", rows.error().message}});
      if (acceptor_.is_open()) asio::co_spawn(io_, accept(), asio::detached);
    });
  });
}

void Server::take_up(const std::vector<StoreEntry>& rows) {
  struct Text {
    std::string system_id;
    std::vector<Fragment> parts;
  };
  std::map<std::string, Text> texts;  // by id, and ids grow with time
  for (const StoreEntry& row : rows) {
    const std::string_view value(reinterpret_cast<const char*>(row.value.data()), row.value.size());
    const std::size_t end = value.find('\n');
    const std::string id =
        row.key.substr(std::string_view(kPrefix).size(), row.key.rfind('/') - std::string_view(kPrefix).size());
    try {
      const std::string_view pdu = value.substr(std::min(end + 1, value.size()));
      const auto header = smpp::decode_header(pdu);
      Text& text = texts[id];
      text.system_id = value.substr(0, end);
      text.parts.push_back(smpp::read_fragment(smpp::decode_message(header.command, pdu.substr(smpp::kHeaderOctets))));
    } catch (const Error& error) {
      log_.write(LogLevel::kWarning, "a kept part cannot be read", Properties{{"reason", error.message}});
    }
  }
  for (auto& [id, text] : texts)
    if (!text.parts.empty()) take_up_text(text.system_id, id, std::move(text.parts));
  watch();
}

void Server::take_up_text(const std::string& system_id, const std::string& id, std::vector<Fragment> parts) {
  Texts& texts = texts_of(system_id);
  const std::string key = parts.front().key();
  if (parts.size() >= parts.front().concatenation.total) {
    std::sort(parts.begin(), parts.end(),
              [](const Fragment& a, const Fragment& b) { return a.concatenation.number < b.concatenation.number; });
    auto whole = std::make_shared<Whole>();
    whole->system_id = system_id;
    whole->id = id;
    whole->parts = std::move(parts);
    whole->answered = true;
    whole->until = timers_.now() + kPartsPatience;
    texts.sending[key] = whole;
    return send(whole);
  }
  // An earlier text with the same reference gets no further parts: those that come are of this one.
  if (const auto earlier = texts.ids.find(key); earlier != texts.ids.end())
    if (const auto lost = texts.parts.take(key)) drop(system_id, earlier->second, *lost, MessageState::kUndeliverable);
  texts.ids[key] = id;
  for (Fragment& one : parts) texts.parts.add(std::move(one), timers_.now());
}

}  // namespace sms_smpp_server
