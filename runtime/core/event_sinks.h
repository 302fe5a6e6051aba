// The host's side of what providers report: one object for each provider.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "trunkline/abi.h"

namespace trunkline {

class ChatService;
class EmailService;
class Log;
class SmsService;
namespace calls {
class CallService;
}

/// [any-thread] The objects live as long as this does, which is longer than any plugin instance.
class EventSinks {
 public:
  EventSinks(SmsService& sms, ChatService& chat, EmailService& email, calls::CallService& calls, Log& log);
  ~EventSinks();
  tl_iface sms(std::string_view provider);
  tl_iface identity(std::string_view provider);
  tl_iface chat(std::string_view provider);
  tl_iface email(std::string_view provider);
  tl_iface pstn(std::string_view provider);
  tl_iface pstn_audio(std::string_view provider);
  tl_iface pstn_sandbox(std::string_view provider);

 private:
  class SmsSink;
  class IdentitySink;
  class ChatSink;
  class EmailSink;
  class PstnSink;
  class PstnAudioSink;
  class PstnSandboxSink;

  SmsService& sms_;
  ChatService& chat_;
  EmailService& email_;
  calls::CallService& calls_;
  Log& log_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<SmsSink>, std::less<>> sms_sinks_;
  std::map<std::string, std::unique_ptr<IdentitySink>, std::less<>> identity_sinks_;
  std::map<std::string, std::unique_ptr<ChatSink>, std::less<>> chat_sinks_;
  std::map<std::string, std::unique_ptr<EmailSink>, std::less<>> email_sinks_;
  std::map<std::string, std::unique_ptr<PstnSink>, std::less<>> pstn_sinks_;
  std::map<std::string, std::unique_ptr<PstnAudioSink>, std::less<>> pstn_audio_sinks_;
  std::map<std::string, std::unique_ptr<PstnSandboxSink>, std::less<>> pstn_sandbox_sinks_;
};

}  // namespace trunkline
