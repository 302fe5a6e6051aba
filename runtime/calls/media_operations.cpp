// Media of calls: play, recognise, tones, hold, streaming, transcription.
#include <nlohmann/json.hpp>

#include "runtime/calls/call_json.h"
#include "runtime/calls/call_service.h"
#include "runtime/calls/call_streams.h"
#include "runtime/calls/operations.h"
#include "runtime/calls/sound.h"
#include "runtime/calls/speech_ears.h"

namespace trunkline::calls {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxChoices = 50;
constexpr std::size_t kLongestPhrase = 200;  // bytes
/// Earlier versions have no such callback.
constexpr std::string_view kTellsPlayStarted = "2024-06-15";

RecognizeSpec::Input read_input(const JsonRef& value) {
  if (value.text() == "dtmf") return RecognizeSpec::Input::kDtmf;
  if (value.text() == "choices") return RecognizeSpec::Input::kChoices;
  if (value.text() == "speech") return RecognizeSpec::Input::kSpeech;
  if (value.text() == "speechOrDtmf") return RecognizeSpec::Input::kSpeechOrDtmf;
  throw value.error("'" + std::string(value.text()) + "' is none of dtmf, choices, speech, speechOrDtmf");
}

Choice read_choice(const JsonRef& value) {
  Choice choice;
  choice.label = value.at("label").text();
  const JsonRef phrases = value.at("phrases");
  for (std::size_t i = 0; i < phrases.array_size(); ++i) {
    const JsonRef phrase = phrases[i];
    if (phrase.text().size() > kLongestPhrase) throw phrase.error("has more than 200 bytes");
    choice.phrases.emplace_back(phrase.text());
  }
  if (const auto tone = value.find("tone")) {
    choice.tone = digit_of_word(tone->text());
    if (!choice.tone) throw tone->error("'" + std::string(tone->text()) + "' is no tone");
  }
  return choice;
}

RecognizeSpec read_spec(const JsonRef& request) {
  const JsonRef options = request.at("recognizeOptions");
  RecognizeSpec spec;
  spec.input = read_input(request.at("recognizeInputType"));
  spec.interrupt_prompt = options.boolean_or("interruptPrompt", false);
  spec.initial_silence = std::chrono::seconds{options.integer_or("initialSilenceTimeoutInSeconds", 5, 0, 300)};
  spec.language = options.text_or("speechLanguage", "");
  if (const auto dtmf = options.find("dtmfOptions")) {
    spec.inter_tone = std::chrono::seconds{dtmf->integer_or("interToneTimeoutInSeconds", 2, 1, 60)};
    spec.max_tones = static_cast<std::size_t>(dtmf->integer_or("maxTonesToCollect", 0, 0, 100));
    if (const auto stop = dtmf->find("stopTones")) spec.stop_tones = read_tones(*stop);
  }
  if (const auto choices = options.find("choices")) {
    if (choices->array_size() > kMaxChoices) throw choices->error("has more than 50 elements");
    std::size_t phrases = 0;
    for (std::size_t i = 0; i < choices->array_size(); ++i) {
      spec.choices.push_back(read_choice((*choices)[i]));
      phrases += spec.choices.back().phrases.size();
      // All of them are one grammar, whose time and memory grow with it.
      if (phrases > SpeechEars::kMostPhrases)
        throw choices->error("has more than " + std::to_string(SpeechEars::kMostPhrases) + " phrases");
    }
  }
  if (spec.input == RecognizeSpec::Input::kChoices && spec.choices.empty())
    throw options.error("needs choices, of which there are none");
  if (const auto speech = options.find("speechOptions"))
    spec.end_silence = std::chrono::milliseconds{speech->integer_or("endSilenceTimeoutInMs", 500, 0, 60'000)};
  return spec;
}

OperationAnswer play(const OperationRequest& call) {
  const JsonRef request(call.body);
  Play wanted;
  wanted.sources = read_play_sources(request, "playSources");
  wanted.to = read_parties(request, "playTo");
  wanted.interrupt = request.boolean_or("interruptCallMediaOperation", false);
  if (const auto options = request.find("playOptions")) wanted.loop = options->boolean_or("loop", false);
  wanted.tells_start = call.api_version >= kTellsPlayStarted;
  wanted.tag = read_tag(request);
  call.calls.media().play(*call.resource, call.arguments[0], std::move(wanted));
  return {202, nullptr};
}

OperationAnswer recognize(const OperationRequest& call) {
  const JsonRef request(call.body);
  Recognize wanted;
  wanted.spec = read_spec(request);
  wanted.target = read_party(request.at("recognizeOptions").at("targetParticipant"));
  wanted.prompts = read_play_sources(request, "playPrompts");
  if (const auto prompt = request.find("playPrompt"); prompt && wanted.prompts.empty())
    wanted.prompts.push_back(read_play_source(*prompt));
  wanted.interrupt = request.boolean_or("interruptCallMediaOperation", false);
  wanted.tag = read_tag(request);
  call.calls.media().recognize(*call.resource, call.arguments[0], std::move(wanted));
  return {202, nullptr};
}

OperationAnswer send_tones(const OperationRequest& call) {
  const JsonRef request(call.body);
  OperationTag tag = read_tag(request);
  const json answer = context_json(tag);
  call.calls.media().send_tones(*call.resource, call.arguments[0], read_tones(request.at("tones")),
                                read_party(request.at("targetParticipant")), std::move(tag));
  return {202, answer};
}

OperationAnswer hold(const OperationRequest& call) {
  const JsonRef request(call.body);
  std::vector<PlaySource> music;
  if (const auto source = request.find("playSourceInfo")) music.push_back(read_play_source(*source));
  call.calls.media().hold(*call.resource, call.arguments[0], read_party(request.at("targetParticipant")), std::move(music),
                          read_tag(request));
  return {200, nullptr};
}

OperationAnswer unhold(const OperationRequest& call) {
  call.calls.media().unhold(*call.resource, call.arguments[0], read_party(JsonRef(call.body).at("targetParticipant")));
  return {200, nullptr};
}

OperationAnswer continuous(const OperationRequest& call, bool start) {
  const JsonRef request(call.body);
  const Party target = read_party(request.at("targetParticipant"));
  if (start)
    call.calls.media().start_continuous(*call.resource, call.arguments[0], target, read_tag(request));
  else
    call.calls.media().stop_continuous(*call.resource, call.arguments[0], target, read_tag(request));
  return {200, nullptr};
}

OperationAnswer cancel_all(const OperationRequest& call) {
  call.calls.media().cancel_all(*call.resource, call.arguments[0]);
  return {202, nullptr};
}

OperationTag tag_of(const OperationRequest& call) { return read_tag(JsonRef(call.body)); }
std::string locale_of(const OperationRequest& call) { return std::string(JsonRef(call.body).text_or("locale", "")); }

OperationAnswer start_streaming(const OperationRequest& call) {
  call.calls.streams().start_streaming(*call.resource, call.arguments[0], tag_of(call));
  return {202, nullptr};
}

OperationAnswer stop_streaming(const OperationRequest& call) {
  call.calls.streams().stop_streaming(*call.resource, call.arguments[0], tag_of(call));
  return {202, nullptr};
}

OperationAnswer start_transcription(const OperationRequest& call) {
  call.calls.streams().start_transcription(*call.resource, call.arguments[0], locale_of(call), tag_of(call));
  return {202, nullptr};
}

OperationAnswer update_transcription(const OperationRequest& call) {
  call.calls.streams().update_transcription(*call.resource, call.arguments[0], locale_of(call), tag_of(call));
  return {202, nullptr};
}

OperationAnswer stop_transcription(const OperationRequest& call) {
  call.calls.streams().stop_transcription(*call.resource, call.arguments[0], tag_of(call));
  return {202, nullptr};
}

using Body = OperationBody;
constexpr Operation kMediaOperations[] = {
    {"POST", "/calling/callConnections/{callConnectionId}:play", Body::kWanted, play},
    {"POST", "/calling/callConnections/{callConnectionId}:recognize", Body::kWanted, recognize},
    {"POST", "/calling/callConnections/{callConnectionId}:cancelAllMediaOperations", Body::kIgnored, cancel_all},
    {"POST", "/calling/callConnections/{callConnectionId}:sendDtmfTones", Body::kWanted, send_tones},
    {"POST", "/calling/callConnections/{callConnectionId}:startContinuousDtmfRecognition", Body::kWanted,
     [](const OperationRequest& call) { return continuous(call, true); }},
    {"POST", "/calling/callConnections/{callConnectionId}:stopContinuousDtmfRecognition", Body::kWanted,
     [](const OperationRequest& call) { return continuous(call, false); }},
    {"POST", "/calling/callConnections/{callConnectionId}:hold", Body::kWanted, hold},
    {"POST", "/calling/callConnections/{callConnectionId}:unhold", Body::kWanted, unhold},
    {"POST", "/calling/callConnections/{callConnectionId}:startMediaStreaming", Body::kOptional, start_streaming},
    {"POST", "/calling/callConnections/{callConnectionId}:stopMediaStreaming", Body::kOptional, stop_streaming},
    {"POST", "/calling/callConnections/{callConnectionId}:startTranscription", Body::kOptional, start_transcription},
    {"POST", "/calling/callConnections/{callConnectionId}:updateTranscription", Body::kOptional, update_transcription},
    {"POST", "/calling/callConnections/{callConnectionId}:stopTranscription", Body::kOptional, stop_transcription},
};

}  // namespace

std::span<const Operation> media_operations() { return kMediaOperations; }

}  // namespace trunkline::calls
