// A text as the PDUs that carry it, and a receipt read: nanoseconds each.
#include <benchmark/benchmark.h>

#include <string>

#include "codec/reassembly.h"
#include "codec/receipt.h"
#include "codec/text_coding.h"

namespace {

std::string times(int n, std::string_view text) {
  std::string all;
  for (int i = 0; i < n; ++i) all += text;
  return all;
}

void encode(benchmark::State& state, const std::string& text, smpp::CodingRules rules = {}) {
  const smpp::TextCoder coder(std::move(rules));
  smpp::Message message;
  message.source = {1, 1, "14255550100"};
  message.destination = {1, 1, "14255550123"};
  message.registered_delivery = 1;
  std::string out;
  std::size_t parts = 0;
  for (auto _ : state) {
    out.clear();
    const smpp::CodedText coded = coder.encode(text, trunkline::sms::Encoding::kAuto);
    const auto messages = coder.fill(message, coded, 7);
    for (const smpp::Message& part : messages) smpp::encode(out, smpp::command::kSubmitSm, 0, 1, part);
    parts = messages.size();
    benchmark::DoNotOptimize(out.data());
  }
  state.counters["parts"] = static_cast<double>(parts);
}

void receipt(benchmark::State& state) {
  smpp::Message message;
  message.esm_class = smpp::kEsmReceipt;
  message.short_message =
      "id:0A1B2C3D sub:001 dlvrd:001 submit date:2601010000 done date:2601010000 stat:DELIVRD err:000 text:hello";
  std::string pdu;
  smpp::encode(pdu, smpp::command::kDeliverSm, 0, 1, message);
  for (auto _ : state) {
    const auto read = smpp::read_receipt(smpp::decode_message(smpp::command::kDeliverSm, std::string_view(pdu).substr(16)));
    benchmark::DoNotOptimize(read->state);
  }
}

}  // namespace

int main(int argc, char** argv) {
  smpp::CodingRules turkish;
  turkish.languages = {trunkline::gsm::Language::kTurkish};
  benchmark::RegisterBenchmark("gsm7, 64 characters", encode, times(64, "x"), smpp::CodingRules{});
  benchmark::RegisterBenchmark("gsm7, 160 characters", encode, times(160, "x"), smpp::CodingRules{});
  benchmark::RegisterBenchmark("gsm7, 400 characters", encode, times(40, "Line {} ab"), smpp::CodingRules{});
  benchmark::RegisterBenchmark("ucs2, 70 characters", encode, times(70, "\xd1\x8f"), smpp::CodingRules{});
  benchmark::RegisterBenchmark("ucs2, 200 characters", encode, times(200, "\xd1\x8f"), smpp::CodingRules{});
  benchmark::RegisterBenchmark("turkish tables, 100 characters", encode, times(100, "\xc4\x9f"), turkish);
  benchmark::RegisterBenchmark("receipt read", receipt);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
