// The plugin's configuration.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "codec/text_coding.h"
#include "trunkline/error.hpp"

namespace sms_smpp {

using trunkline::Duration;

enum class BindKind { kTransceiver, kPair, kTransmitter, kReceiver };
enum class Receipts { kAll, kFailures, kNone };
enum class ReceiptIds { kSame, kDecimalOfHex, kHexOfDecimal };

/// What an address looks like to the carrier.
struct SourceRule {
  std::string match;
  std::uint8_t ton = 0;
  std::uint8_t npi = 0;
  std::string send_as;
};

/// The members of config_schema in plugin.json, checked. Immutable once parsed.
struct Settings {
  std::string host;
  std::uint16_t port = 2775;
  bool tls = false;
  bool tls_verify = true;
  std::string tls_ca_file;
  std::string tls_server_name;
  std::string system_id;
  std::string system_type;
  BindKind bind = BindKind::kTransceiver;
  int connections = 1;
  std::string address_range;
  std::string service_type;
  std::size_t window = 10;
  int rate_per_second = 0;
  std::size_t queue = 20000;
  Duration enquire_link{};
  Duration response{};
  Duration reconnect_first{};
  Duration reconnect_longest{};
  Duration throttle_pause{};
  smpp::CodingRules coding;
  /// data_sm in place of submit_sm.
  bool data_sm = false;
  int max_segments = 10;
  std::vector<SourceRule> source_rules;
  std::uint8_t destination_ton = 1;
  std::uint8_t destination_npi = 1;
  bool plus_sign = false;
  Receipts receipts = Receipts::kAll;
  ReceiptIds receipt_ids = ReceiptIds::kSame;
  Duration query_after{};
  bool user_message_reference = true;
  Duration validity{};
  Duration inbound_patience{};
  std::size_t inbound_texts = 1000;
  Duration journal{};
};

/// The host has checked the text against the schema; what a schema cannot say is checked here. Throws kInvalidArgument.
Settings parse_settings(std::string_view config_json);

/// The sender as the carrier is to see it.
smpp::Address source_address(const Settings& settings, std::string_view from);
smpp::Address destination_address(const Settings& settings, std::string_view to);
/// An address of the carrier as the host writes it: international numbers get their +.
std::string host_address(const smpp::Address& address);

}  // namespace sms_smpp
