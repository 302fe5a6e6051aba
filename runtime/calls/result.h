// How operations of calls end: code, sub-code and words, as events carry them.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace trunkline::calls {

/// Documented sub-codes that we give.
namespace sub_code {
inline constexpr int kGraceful = 7000;
inline constexpr int kInvalidMediaMode = 8500;
inline constexpr int kNotEstablished = 8501;
inline constexpr int kCancelled = 8508;
inline constexpr int kInitialSilence = 8510;
inline constexpr int kPromptFailed = 8511;
inline constexpr int kStopTone = 8514;
inline constexpr int kNotFound = 8522;
inline constexpr int kInvalidArgument = 8523;
inline constexpr int kCallTerminated = 8528;
inline constexpr int kMaxDigits = 8531;
inline constexpr int kInterDigit = 8532;
inline constexpr int kToneOption = 8533;
inline constexpr int kIncorrectTone = 8534;
inline constexpr int kBadFile = 8535;
inline constexpr int kDownloadFailed = 8536;
inline constexpr int kDeclined = 8538;
inline constexpr int kBusy = 8539;
inline constexpr int kUnavailable = 8541;
inline constexpr int kCallCancelled = 8542;
inline constexpr int kDoesNotExist = 8543;
inline constexpr int kUnreachable = 8544;
inline constexpr int kSpeechOption = 8545;
inline constexpr int kNoOption = 8547;
inline constexpr int kDuplicateRecording = 8553;
inline constexpr int kNotPresent = 8558;
inline constexpr int kNotRecognized = 8563;
inline constexpr int kSpeechRefused = 8565;
inline constexpr int kSpeechRecognized = 8569;
inline constexpr int kTranscriptionFailed = 8578;
inline constexpr int kBadStreamUrl = 8581;
inline constexpr int kEmptyText = 8582;
inline constexpr int kPrecondition = 8583;
inline constexpr int kStreamingFailed = 8603;
inline constexpr int kUnknown = 9999;
}  // namespace sub_code

struct CallResult {
  int code = 200;
  int sub_code = 0;
  std::string message;
  std::optional<int> sip;   // status of the signalling, where there was some
  std::optional<int> q850;  // cause

  bool ok() const { return code < 300; }
};

CallResult success(std::string message = "the action has completed");
CallResult failure(int code, int sub_code, std::string message);
/// Of a leg that ended before it was answered, or after.
CallResult result_of_cause(std::int32_t q850, std::optional<std::int32_t> sip_status, const std::string& text);
/// What `rejectCall` says: `busy`, `forbidden`, anything else.
CallResult result_of_reject(const std::string& reason);
/// Q.850 cause that tells a phone the same.
std::int32_t cause_of_reject(const std::string& reason);
nlohmann::json result_json(const CallResult& result);

}  // namespace trunkline::calls
