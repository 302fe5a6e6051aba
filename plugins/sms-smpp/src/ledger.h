// What was handed to the carrier: by our ids and by its own.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "codec/receipt.h"
#include "settings.h"
#include "trunkline/sms.hpp"

namespace sms_smpp {

using trunkline::Time;

/// Where a message is. Noted, written: it may be with the carrier after a crash. Lost: its answer will not come any more.
enum class Custody { kWaiting, kNoted, kWritten, kTaken, kRefused, kDropped, kLost };

struct PartState {
  std::string carrier_id;
  smpp::MessageState state = smpp::MessageState::kNone;
  std::string error;
};

/// One message to one recipient. [io thread]
struct Record {
  std::string message_id;
  std::string resource;
  std::string from;
  std::string to;
  smpp::Address source;  // as the carrier knows it
  smpp::Address destination;
  std::string text_start;  // what carriers repeat in receipts
  std::uint16_t reference = 0;
  std::vector<PartState> parts;
  Custody custody = Custody::kWaiting;
  Time at{};
  int questions = 0;      // asked about with query_sm
  bool reported = false;  // the host has a final state
};
using RecordPtr = std::shared_ptr<Record>;

/// Bounded: the oldest go first. [io thread]
class Ledger {
 public:
  static constexpr std::size_t kMaxRecords = 200'000;

  explicit Ledger(ReceiptIds ids) : ids_(ids) {}

  void add(RecordPtr record);
  RecordPtr find(std::string_view message_id) const;
  /// The carrier took a part.
  void taken(const RecordPtr& record, std::size_t part, std::string carrier_id);
  struct Place {
    RecordPtr record;
    std::size_t part = 0;
  };
  /// By the id in a receipt.
  std::optional<Place> find_carrier_id(std::string_view id_in_receipt) const;
  /// Its answer will not come any more.
  void lost(const RecordPtr& record);
  /// The one message without an answer that a receipt can only be about: same addresses, and the same reference or beginning.
  /// Nothing when two could be meant.
  RecordPtr find_lost(const smpp::Message& receipt_message, const smpp::Receipt& receipt);
  /// The id of a receipt as answers write it.
  std::string answer_form(std::string_view id_in_receipt) const;
  void forget_before(Time time);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  template <class T>
  using ById = std::unordered_map<std::string, T, Hash, std::equal_to<>>;

  const ReceiptIds ids_;
  ById<RecordPtr> by_message_;
  ById<Place> by_carrier_;
  std::deque<RecordPtr> order_;
  std::vector<RecordPtr> lost_;
};

/// Takes a part's new state in; the report that follows from all parts, when there is one to make.
std::optional<trunkline::sms::DeliveryReport> apply_receipt(Record& record, std::size_t part, smpp::MessageState state,
                                                            const std::string& error, Time now);

}  // namespace sms_smpp
