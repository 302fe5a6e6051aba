#include "inbox.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <charconv>

#include "listing.h"

namespace sms_smpp {

using smpp::Fragment;
using trunkline::Bytes;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::Result;
using trunkline::Task;
using trunkline::Time;
using trunkline::host::LogLevel;
using trunkline::host::StoreEntry;
using trunkline::sms::InboundSms;

namespace {

constexpr const char* kInboundPrefix = "inbound/";
constexpr Duration kLookAgain = std::chrono::minutes(1);

std::string hex(std::uint64_t value) {
  char digits[16];
  return std::string(digits, std::to_chars(digits, digits + sizeof digits, value, 16).ptr);
}

std::uint64_t hash(std::string_view text) {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (const unsigned char c : text) h = (h ^ c) * 0x100000001b3u;
  return h;
}

std::string store_key(const Fragment& part) {
  return kInboundPrefix + hex(hash(part.key())) + "/" + std::to_string(part.concatenation.number);
}

/// A part as the deliver_sm it could have come in: the codec reads it back.
Bytes pack(const Fragment& part) {
  smpp::Message message;
  message.source = part.source;
  message.destination = part.destination;
  message.data_coding = part.data_coding;
  smpp::UserDataHeader header = part.header;
  header.concatenation = part.concatenation;
  message.esm_class = smpp::kEsmUdhi;
  message.tlvs.push_back({smpp::tag::kMessagePayload, smpp::write_user_data_header(header) + part.octets});
  std::string pdu;
  smpp::encode(pdu, smpp::command::kDeliverSm, 0, 0, message);
  return Bytes(pdu.begin(), pdu.end());
}

Task<void> remove_all(trunkline::host::StoreClient store, std::vector<std::string> keys) {
  for (std::string& key : keys) co_await store.remove(std::move(key));
}

}  // namespace

Inbox::Inbox(boost::asio::io_context& io, const Settings& settings, const smpp::TextCoder& coder, Timers& timers,
             const trunkline::host::StoreClient& store, const trunkline::host::LogClient& log,
             const trunkline::sms::SmsEventsClient& events)
    : io_(io),
      settings_(settings),
      coder_(coder),
      timers_(timers),
      store_(store),
      log_(log),
      events_(events),
      texts_(settings.inbound_texts, settings.inbound_patience),
      salt_(make_salt(timers.now())) {}

void Inbox::load(std::function<void()> then) {
  trunkline::spawn(read_all(store_, kInboundPrefix),
                   [this, alive = alive_, &io = io_, then = std::move(then)](Result<std::vector<StoreEntry>> rows) mutable {
                     boost::asio::post(io, [this, alive, then = std::move(then), rows = std::move(rows)] {
                       if (!*alive) return;
                       if (rows.ok())
                         take_up(rows.value());
                       else
                         log_.write(LogLevel::kError, "parts of incoming texts cannot be read",
                                    trunkline::Properties{{"reason", rows.error().message}});
                       if (then) then();
                     });
                   });
}

void Inbox::take_up(const std::vector<StoreEntry>& rows) {
  for (const StoreEntry& row : rows) {
    const std::string_view pdu(reinterpret_cast<const char*>(row.value.data()), row.value.size());
    try {
      const auto header = smpp::decode_header(pdu);
      Fragment part = smpp::read_fragment(smpp::decode_message(header.command, pdu.substr(smpp::kHeaderOctets)));
      if (auto whole = texts_.add(std::move(part), timers_.now())) told(std::move(*whole), [](const Error*) {});
    } catch (const Error& error) {
      log_.write(LogLevel::kWarning, "a kept part cannot be read", trunkline::Properties{{"reason", error.message}});
    }
  }
  watch();
}

void Inbox::take(const smpp::Message& message, Done done) {
  Fragment part;
  try {
    part = smpp::read_fragment(message);
  } catch (const smpp::Malformed& error) {
    log_.write(LogLevel::kWarning, "an incoming text cannot be read", trunkline::Properties{{"reason", error.message}});
    return done(error.status);
  }
  const auto answer = [done](const Error* error) {
    if (!error) return done(smpp::status::kOk);
    // Nobody here has the number: the carrier need not try again.
    done(error->code == ErrorCode::kNotFound ? smpp::status::kPermanentAppError : smpp::status::kTemporaryAppError);
  };
  if (part.concatenation.total == 1) {
    std::vector<Fragment> only;
    only.push_back(std::move(part));
    return told(std::move(only), answer);
  }
  Fragment copy = part;
  auto whole = texts_.add(std::move(part), timers_.now());
  if (whole) {
    return told(std::move(*whole), [this, alive = alive_, copy = std::move(copy), answer](const Error* error) {
      // Refused by the host: the other parts are on disk, this one comes again.
      if (error && error->code != ErrorCode::kNotFound && *alive) load();
      answer(error);
    });
  }
  trunkline::spawn(store_.put(store_key(copy), pack(copy)), [this, alive = alive_, &io = io_, done](Result<void> result) {
    boost::asio::post(io, [this, alive, done, ok = result.ok()] {
      if (!*alive) return;
      done(ok ? smpp::status::kOk : smpp::status::kTemporaryAppError);
    });
  });
  tell_overdue();
}

void Inbox::told(std::vector<Fragment> parts, std::function<void(const Error*)> done) {
  InboundSms text;
  text.provider_message_id = hex(salt_) + "-" + hex(++ids_);
  text.from = host_address(parts.front().source);
  text.to = host_address(parts.front().destination);
  text.text = smpp::join(coder_, parts);
  text.segments = static_cast<std::int32_t>(parts.size());
  text.received_at = timers_.now();
  trunkline::spawn(events_.received(std::move(text)), [this, alive = alive_, &io = io_, parts = std::move(parts),
                                                       done = std::move(done)](Result<void> result) mutable {
    boost::asio::post(io, [this, alive, parts = std::move(parts), done = std::move(done), result = std::move(result)] {
      if (!*alive) return;
      if (!result.ok())
        log_.write(LogLevel::kWarning, "an incoming text was not taken",
                   trunkline::Properties{{"to", host_address(parts.front().destination)}, {"reason", result.error().message}});
      if (result.ok() || result.error().code == ErrorCode::kNotFound) drop(parts);
      done(result.ok() ? nullptr : &result.error());
    });
  });
}

void Inbox::drop(const std::vector<Fragment>& parts) {
  if (parts.front().concatenation.total == 1) return;
  std::vector<std::string> keys;
  for (const Fragment& part : parts) keys.push_back(store_key(part));
  trunkline::spawn(remove_all(store_, std::move(keys)), [log = log_](Result<void> result) {
    if (!result.ok())
      log.write(LogLevel::kWarning, "parts of a told text cannot be removed",
                trunkline::Properties{{"reason", result.error().message}});
  });
}

void Inbox::tell_overdue() {
  while (auto parts = texts_.overdue(timers_.now())) {
    log_.write(LogLevel::kWarning, "an incoming text stayed incomplete and is told as it is",
               trunkline::Properties{
                   {"from", host_address(parts->front().source)},
                   {"parts", std::to_string(parts->size()) + " of " + std::to_string(parts->front().concatenation.total)}});
    told(std::move(*parts), [](const Error*) {});
  }
  watch();
}

void Inbox::watch() {
  if (watching_ || texts_.size() == 0) return;
  watching_ = true;
  timers_.at(std::max(texts_.next_due().value_or(timers_.now()), timers_.now() + kLookAgain), [this] {
    watching_ = false;
    tell_overdue();
  });
}

}  // namespace sms_smpp
