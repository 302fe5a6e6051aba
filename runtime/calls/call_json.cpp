#include "runtime/calls/call_json.h"

#include <nlohmann/json.hpp>

#include "runtime/base/strings.h"
#include "runtime/calls/call_core.h"
#include "runtime/calls/sound.h"
#include "runtime/net/websocket_client.h"

namespace trunkline::calls {

using nlohmann::json;

namespace {

constexpr std::size_t kMaxHeaders = 30;
constexpr std::size_t kMaxHeaderBytes = 1024;
constexpr std::size_t kMaxTextBytes = 20'000;

std::map<std::string, std::string> read_headers(const JsonRef& body, const char* name) {
  std::map<std::string, std::string> out;
  const auto headers = body.find(name);
  if (!headers) return out;
  for (const auto& [key, value] : headers->object().json().items()) {
    const JsonRef one = headers->at(key);
    if (one.text().size() > kMaxHeaderBytes) throw one.error("is longer than 1024 bytes");
    out.emplace(key, one.text());
  }
  if (out.size() > kMaxHeaders) throw headers->error("has more than 30 members");
  return out;
}

std::string read_socket_url(const JsonRef& options) {
  const JsonRef url = options.at("transportUrl");
  if (!net::is_websocket_url(url.text()))
    throw refusal(ErrorCode::kInvalidArgument, 400, sub_code::kBadStreamUrl,
                  url.path() + ": '" + std::string(url.text().substr(0, 200)) + "' is no ws or wss URL", url.path());
  return std::string(url.text());
}

StreamingSpec read_streaming(const JsonRef& options) {
  StreamingSpec spec;
  spec.url = read_socket_url(options);
  spec.mixed = !iequals(options.text_or("audioChannelType", "mixed"), "unmixed");
  spec.start = options.boolean_or("startMediaStreaming", false);
  spec.bidirectional = options.boolean_or("enableBidirectional", false);
  spec.dtmf = options.boolean_or("enableDtmfTones", false);
  const std::string_view format = options.text_or("audioFormat", "pcm16KMono");
  if (iequals(format, "pcm24KMono"))
    spec.sample_rate = 24000;
  else if (!iequals(format, "pcm16KMono"))
    throw options.at("audioFormat").error("'" + std::string(format) + "' is none of pcm16KMono, pcm24KMono");
  return spec;
}

VoiceWish read_voice(const JsonRef& text) {
  VoiceWish voice;
  voice.name = text.text_or("voiceName", "");
  voice.locale = text.text_or("sourceLocale", "");
  const std::string_view kind = text.text_or("voiceKind", "");
  if (iequals(kind, "male"))
    voice.kind = VoiceWish::Kind::kMale;
  else if (iequals(kind, "female"))
    voice.kind = VoiceWish::Kind::kFemale;
  else if (!kind.empty())
    throw text.at("voiceKind").error("'" + std::string(kind) + "' is none of male, female");
  return voice;
}

TranscriptionSpec read_transcription(const JsonRef& options) {
  TranscriptionSpec spec;
  spec.url = read_socket_url(options);
  spec.locale = options.text_or("locale", "en-US");
  spec.start = options.boolean_or("startTranscription", false);
  spec.intermediate = options.boolean_or("enableIntermediateResults", false);
  return spec;
}

}  // namespace

OperationTag read_tag(const JsonRef& body) {
  OperationTag tag;
  tag.context = body.text_or("operationContext", "");
  tag.callback_uri = body.text_or("operationCallbackUri", "");
  if (!tag.callback_uri.empty()) check_callback_uri(tag.callback_uri, "operationCallbackUri");
  return tag;
}

CustomContext read_custom_context(const JsonRef& body) {
  CustomContext custom;
  if (const auto context = body.find("customCallingContext")) {
    custom.voip_headers = read_headers(*context, "voipHeaders");
    custom.sip_headers = read_headers(*context, "sipHeaders");
  }
  return custom;
}

std::optional<Party> find_party(const JsonRef& body, const char* name) {
  const auto found = body.find(name);
  return found ? std::optional<Party>(read_party(*found)) : std::nullopt;
}

std::optional<Party> find_phone(const JsonRef& body, const char* name) {
  const auto found = body.find(name);
  return found ? std::optional<Party>(read_phone(*found)) : std::nullopt;
}

std::vector<Party> read_parties(const JsonRef& body, const char* name) {
  std::vector<Party> parties;
  const auto list = body.find(name);
  if (!list) return parties;
  for (std::size_t i = 0; i < list->array_size(); ++i) parties.push_back(read_party((*list)[i]));
  return parties;
}

ConnectionSpec read_connection(const JsonRef& body) {
  ConnectionSpec spec;
  spec.callback_uri = body.text_or("callbackUri", "");
  spec.context = body.text_or("operationContext", "");
  if (const auto options = body.find("mediaStreamingOptions")) spec.streaming = read_streaming(*options);
  if (const auto options = body.find("transcriptionOptions")) spec.transcription = read_transcription(*options);
  return spec;
}

PlaySource read_play_source(const JsonRef& value) {
  PlaySource source;
  const JsonRef kind = value.at("kind");
  if (kind.text() == "file") {
    source.kind = PlaySource::Kind::kFile;
    source.uri = value.at("file").at("uri").text();
  } else if (kind.text() == "text") {
    const JsonRef text = value.at("text");
    source.text = text.at("text").text();
    source.voice = read_voice(text);
  } else if (kind.text() == "ssml") {
    const JsonRef document = value.at("ssml").at("ssmlText");
    if (document.text().size() > kMaxTextBytes) throw document.error("is longer than 20000 bytes");
    source.ssml = document.text();
    source.text = text_of_ssml(source.ssml);
  } else {
    throw kind.error("'" + std::string(kind.text()) + "' is none of file, text, ssml");
  }
  if (source.text.size() > kMaxTextBytes) throw value.error("has more than 20000 bytes to say");
  return source;
}

std::vector<PlaySource> read_play_sources(const JsonRef& body, const char* name) {
  std::vector<PlaySource> sources;
  const auto list = body.find(name);
  if (!list) return sources;
  for (std::size_t i = 0; i < list->array_size(); ++i) sources.push_back(read_play_source((*list)[i]));
  return sources;
}

std::string read_tones(const JsonRef& list) {
  std::string digits;
  for (std::size_t i = 0; i < list.array_size(); ++i) {
    const JsonRef tone = list[i];
    const auto digit = digit_of_word(tone.text());
    if (!digit) throw tone.error("'" + std::string(tone.text()) + "' is none of zero to nine, a to d, asterisk, pound");
    digits.push_back(*digit);
  }
  return digits;
}

json connection_json(const ConnectionView& view) {
  json out;
  out["callConnectionId"] = view.id;
  out["serverCallId"] = view.server_call_id;
  out["correlationId"] = view.correlation_id;
  out["callConnectionState"] = word(view.state);
  out["callbackUri"] = view.callback_uri;
  out["targets"] = json::array();
  for (const Party& target : view.targets) out["targets"].push_back(party_json(target));
  if (view.source) out["source"] = party_json(*view.source);
  if (view.source_number) out["sourceCallerIdNumber"] = phone_json(*view.source_number);
  if (!view.display_name.empty()) out["sourceDisplayName"] = view.display_name;
  if (view.answered_by) out["answeredBy"]["id"] = view.answered_by->raw_id;
  if (view.answered_for) out["answeredFor"] = phone_json(*view.answered_for);
  if (view.streaming)
    out["mediaStreamingSubscription"] =
        json{{"id", view.id}, {"state", view.streaming_state}, {"subscribedContentTypes", json::array({"audio"})}};
  if (view.transcription)
    out["transcriptionSubscription"] = json{{"id", view.id},
                                            {"state", view.transcription_state},
                                            {"subscribedResultTypes", json::array({"final"})},
                                            {"locale", view.locale}};
  return out;
}

json participant_json(const ParticipantView& view) {
  json out;
  out["identifier"] = party_json(view.who);
  out["isMuted"] = view.muted;
  out["isOnHold"] = view.on_hold;
  return out;
}

json context_json(const OperationTag& tag) {
  json out = json::object();
  if (!tag.context.empty()) out["operationContext"] = tag.context;
  return out;
}

}  // namespace trunkline::calls
