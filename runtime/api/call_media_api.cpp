// Media of calls: play, recognise, tones, hold, streaming, transcription.
#include <nlohmann/json.hpp>

#include "runtime/api/calls_api.h"
#include "runtime/api/calls_rest.h"
#include "runtime/calls/call_service.h"
#include "runtime/calls/call_streams.h"
#include "runtime/calls/sound.h"

namespace trunkline::api {
namespace {

using calls::CallMedia;
using calls::CallService;
using calls::CallStreams;
using calls::RecognizeSpec;
using nlohmann::json;
using server::RouteContext;

constexpr std::size_t kMaxChoices = 50;
/// Earlier versions have no such callback.
constexpr std::string_view kTellsPlayStarted = "2024-06-15";

RecognizeSpec::Input read_input(const JsonRef& value) {
  if (value.text() == "dtmf") return RecognizeSpec::Input::kDtmf;
  if (value.text() == "choices") return RecognizeSpec::Input::kChoices;
  if (value.text() == "speech") return RecognizeSpec::Input::kSpeech;
  if (value.text() == "speechOrDtmf") return RecognizeSpec::Input::kSpeechOrDtmf;
  throw value.error("'" + std::string(value.text()) + "' is none of dtmf, choices, speech, speechOrDtmf");
}

calls::Choice read_choice(const JsonRef& value) {
  calls::Choice choice;
  choice.label = value.at("label").text();
  const JsonRef phrases = value.at("phrases");
  for (std::size_t i = 0; i < phrases.array_size(); ++i) choice.phrases.emplace_back(phrases[i].text());
  if (const auto tone = value.find("tone")) {
    choice.tone = calls::digit_of_word(tone->text());
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
  if (const auto dtmf = options.find("dtmfOptions")) {
    spec.inter_tone = std::chrono::seconds{dtmf->integer_or("interToneTimeoutInSeconds", 2, 1, 60)};
    spec.max_tones = static_cast<std::size_t>(dtmf->integer_or("maxTonesToCollect", 0, 0, 100));
    if (const auto stop = dtmf->find("stopTones")) spec.stop_tones = read_tones(*stop);
  }
  if (const auto choices = options.find("choices")) {
    if (choices->array_size() > kMaxChoices) throw choices->error("has more than 50 elements");
    for (std::size_t i = 0; i < choices->array_size(); ++i) spec.choices.push_back(read_choice((*choices)[i]));
  }
  if (spec.input == RecognizeSpec::Input::kChoices && spec.choices.empty())
    throw options.error("needs choices, of which there are none");
  if (const auto speech = options.find("speechOptions"))
    spec.end_silence = std::chrono::milliseconds{speech->integer_or("endSilenceTimeoutInMs", 500, 0, 60'000)};
  return spec;
}

Task<net::Response> play(CallMedia& media, RouteContext& context) {
  const json body = parse_body(context);
  const JsonRef request(body);
  calls::Play wanted;
  wanted.sources = read_play_sources(request, "playSources");
  wanted.to = read_parties(request, "playTo");
  wanted.interrupt = request.boolean_or("interruptCallMediaOperation", false);
  if (const auto options = request.find("playOptions")) wanted.loop = options->boolean_or("loop", false);
  wanted.tells_start = context.api_version >= kTellsPlayStarted;
  wanted.tag = read_tag(request);
  media.play(*resource_of(context), context.param("callConnectionId"), std::move(wanted));
  co_return empty_response(202);
}

Task<net::Response> recognize(CallMedia& media, RouteContext& context) {
  const json body = parse_body(context);
  const JsonRef request(body);
  calls::Recognize wanted;
  wanted.spec = read_spec(request);
  wanted.target = calls::read_party(request.at("recognizeOptions").at("targetParticipant"));
  wanted.prompts = read_play_sources(request, "playPrompts");
  if (const auto prompt = request.find("playPrompt"); prompt && wanted.prompts.empty())
    wanted.prompts.push_back(read_play_source(*prompt));
  wanted.interrupt = request.boolean_or("interruptCallMediaOperation", false);
  wanted.tag = read_tag(request);
  media.recognize(*resource_of(context), context.param("callConnectionId"), std::move(wanted));
  co_return empty_response(202);
}

Task<net::Response> send_tones(CallMedia& media, RouteContext& context) {
  const json body = parse_body(context);
  const JsonRef request(body);
  calls::OperationTag tag = read_tag(request);
  const json answer = context_json(tag);
  media.send_tones(*resource_of(context), context.param("callConnectionId"), read_tones(request.at("tones")),
                   calls::read_party(request.at("targetParticipant")), std::move(tag));
  co_return json_response(202, answer);
}

Task<net::Response> hold(CallMedia& media, RouteContext& context) {
  const json body = parse_body(context);
  const JsonRef request(body);
  std::vector<calls::PlaySource> music;
  if (const auto source = request.find("playSourceInfo")) music.push_back(read_play_source(*source));
  media.hold(*resource_of(context), context.param("callConnectionId"), calls::read_party(request.at("targetParticipant")),
             std::move(music), read_tag(request));
  co_return empty_response(200);
}

Task<net::Response> unhold(CallMedia& media, RouteContext& context) {
  const json body = parse_body(context);
  media.unhold(*resource_of(context), context.param("callConnectionId"),
               calls::read_party(JsonRef(body).at("targetParticipant")));
  co_return empty_response(200);
}

Task<net::Response> continuous(CallMedia& media, RouteContext& context, bool start) {
  const json body = parse_body(context);
  const JsonRef request(body);
  const calls::Party target = calls::read_party(request.at("targetParticipant"));
  if (start)
    media.start_continuous(*resource_of(context), context.param("callConnectionId"), target, read_tag(request));
  else
    media.stop_continuous(*resource_of(context), context.param("callConnectionId"), target, read_tag(request));
  co_return empty_response(200);
}

/// A request with nothing but the tag, or with a locale beside it.
template <class F>
auto tagged(F f) {
  return [f = std::move(f)](RouteContext& context) mutable -> Task<net::Response> {
    const json body = parse_optional_body(context);
    const JsonRef request(body);
    f(*resource_of(context), context.param("callConnectionId"), std::string(request.text_or("locale", "")), read_tag(request));
    co_return empty_response(202);
  };
}

}  // namespace

void add_call_media_routes(std::vector<server::Route>& routes, CallService& calls) {
  CallMedia& media = calls.media();
  CallStreams& streams = calls.streams();
  using calls::OperationTag;
  const auto add = [&routes](const char* path, auto handler) { add_call_route(routes, "POST", path, std::move(handler)); };
  add("/calling/callConnections/{callConnectionId}:play", [&media](RouteContext& c) { return play(media, c); });
  add("/calling/callConnections/{callConnectionId}:recognize", [&media](RouteContext& c) { return recognize(media, c); });
  add("/calling/callConnections/{callConnectionId}:cancelAllMediaOperations",
      [&media](RouteContext& context) -> Task<net::Response> {
        media.cancel_all(*resource_of(context), context.param("callConnectionId"));
        co_return empty_response(202);
      });
  add("/calling/callConnections/{callConnectionId}:sendDtmfTones", [&media](RouteContext& c) { return send_tones(media, c); });
  add("/calling/callConnections/{callConnectionId}:startContinuousDtmfRecognition",
      [&media](RouteContext& c) { return continuous(media, c, true); });
  add("/calling/callConnections/{callConnectionId}:stopContinuousDtmfRecognition",
      [&media](RouteContext& c) { return continuous(media, c, false); });
  add("/calling/callConnections/{callConnectionId}:hold", [&media](RouteContext& c) { return hold(media, c); });
  add("/calling/callConnections/{callConnectionId}:unhold", [&media](RouteContext& c) { return unhold(media, c); });
  add("/calling/callConnections/{callConnectionId}:startMediaStreaming",
      tagged([&streams](const Resource& resource, const std::string& id, std::string, OperationTag tag) {
        streams.start_streaming(resource, id, std::move(tag));
      }));
  add("/calling/callConnections/{callConnectionId}:stopMediaStreaming",
      tagged([&streams](const Resource& resource, const std::string& id, std::string, OperationTag tag) {
        streams.stop_streaming(resource, id, std::move(tag));
      }));
  add("/calling/callConnections/{callConnectionId}:startTranscription",
      tagged([&streams](const Resource& resource, const std::string& id, std::string locale, OperationTag tag) {
        streams.start_transcription(resource, id, std::move(locale), std::move(tag));
      }));
  add("/calling/callConnections/{callConnectionId}:updateTranscription",
      tagged([&streams](const Resource& resource, const std::string& id, std::string locale, OperationTag tag) {
        streams.update_transcription(resource, id, std::move(locale), std::move(tag));
      }));
  add("/calling/callConnections/{callConnectionId}:stopTranscription",
      tagged([&streams](const Resource& resource, const std::string& id, std::string, OperationTag tag) {
        streams.stop_transcription(resource, id, std::move(tag));
      }));
}

}  // namespace trunkline::api
