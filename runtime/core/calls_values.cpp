#include "runtime/core/calls_values.h"

namespace trunkline::calls_values {

using calls::Party;

namespace {

constexpr std::size_t kMaxHeaders = 30;
constexpr std::size_t kMaxHeaderBytes = 1024;
constexpr std::size_t kMaxTextBytes = 20'000;
constexpr std::size_t kMaxChoices = 50;
constexpr std::int32_t kMaxTones = 100;

std::map<std::string, std::string> headers_of(const std::optional<Properties>& headers, const char* member) {
  std::map<std::string, std::string> out;
  if (!headers) return out;
  for (const auto& [name, value] : *headers) {
    if (value.size() > kMaxHeaderBytes) throw bad_member(member, "'" + name.substr(0, 80) + "' is longer than 1024 bytes");
    out.emplace(name, value);
  }
  if (out.size() > kMaxHeaders) throw bad_member(member, "found more than 30 headers");
  return out;
}

Duration within(Duration value, Duration most, const char* member) {
  if (value < Duration{0} || value > most)
    throw bad_member(member,
                     "wanted 0 to " + std::to_string(std::chrono::duration_cast<std::chrono::seconds>(most).count()) + " s");
  return value;
}

std::optional<std::string> text_unless_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string>(text);
}

std::optional<std::string> name_of(const std::optional<Party>& party) {
  return party ? std::optional<std::string>(calls::party_text(party->raw_id)) : std::nullopt;
}

calling::CallState state_of(calls::CallState state) {
  switch (state) {
    case calls::CallState::kConnecting:
      return calling::CallState::kConnecting;
    case calls::CallState::kConnected:
      return calling::CallState::kConnected;
    case calls::CallState::kTransferring:
      return calling::CallState::kTransferring;
    case calls::CallState::kTransferAccepted:
      return calling::CallState::kTransferAccepted;
    case calls::CallState::kDisconnecting:
      return calling::CallState::kDisconnecting;
    case calls::CallState::kDisconnected:
      return calling::CallState::kDisconnected;
  }
  return calling::CallState::kUnknown;
}

}  // namespace

Error bad_member(const char* member, const std::string& what) {
  return Error(ErrorCode::kInvalidArgument, std::string(member) + ": " + what, member);
}

std::optional<Party> phone_of(const std::optional<std::string>& text, const char* member) {
  if (!text) return std::nullopt;
  Party party = calls::party_of_text(*text, member);
  if (!party.is_phone()) throw bad_member(member, "'" + text->substr(0, 80) + "' is no phone number");
  return party;
}

std::optional<Party> user_of(const std::optional<std::string>& text, const char* member) {
  if (!text) return std::nullopt;
  Party party = calls::party_of_text(*text, member);
  if (!party.is_user()) throw bad_member(member, "'" + text->substr(0, 80) + "' is no user");
  return party;
}

std::vector<Party> parties_of(const std::vector<std::string>& texts, const char* member) {
  std::vector<Party> parties;
  for (const std::string& text : texts) parties.push_back(calls::party_of_text(text, member));
  return parties;
}

calls::CustomContext custom_of(const std::optional<Properties>& sip_headers, const std::optional<Properties>& voip_headers) {
  return {headers_of(sip_headers, "sip_headers"), headers_of(voip_headers, "voip_headers")};
}

calls::ConnectionSpec connection_of(std::optional<std::string>& callback_uri, std::optional<std::string>& context) {
  calls::ConnectionSpec spec;
  spec.in_process = true;
  spec.callback_uri = callback_uri ? std::move(*callback_uri) : "";
  spec.context = context ? std::move(*context) : "";
  return spec;
}

calls::OperationTag tag_of(std::optional<std::string>& context) {
  calls::OperationTag tag;
  if (context) tag.context = std::move(*context);
  return tag;
}

std::string digits_of(const std::string& tones, const char* member) {
  std::string digits;
  for (const char tone : tones) {
    const char digit = tone >= 'a' && tone <= 'd' ? static_cast<char>(tone - 'a' + 'A') : tone;
    if (std::string_view("0123456789ABCD*#").find(digit) == std::string_view::npos)
      throw bad_member(member, "'" + std::string(1, tone) + "' is none of 0-9, A-D, * and #");
    digits.push_back(digit);
  }
  return digits;
}

calls::PlaySource source_of(calling::PlaySource source, const char* member) {
  if (source.text.has_value() + source.ssml.has_value() + source.file_uri.has_value() != 1)
    throw bad_member(member, "a source has one of text, ssml and file_uri");
  calls::PlaySource out;
  out.voice.name = source.voice.value_or("");
  out.voice.locale = source.locale.value_or("");
  if (source.file_uri) {
    out.kind = calls::PlaySource::Kind::kFile;
    out.uri = std::move(*source.file_uri);
  } else if (source.ssml) {
    if (source.ssml->size() > kMaxTextBytes) throw bad_member(member, "the document is longer than 20000 bytes");
    out.ssml = std::move(*source.ssml);
    out.text = calls::text_of_ssml(out.ssml);
  } else {
    out.text = std::move(*source.text);
  }
  if (out.text.size() > kMaxTextBytes) throw bad_member(member, "there are more than 20000 bytes to say");
  return out;
}

std::vector<calls::PlaySource> sources_of(std::vector<calling::PlaySource> sources, const char* member) {
  std::vector<calls::PlaySource> out;
  for (calling::PlaySource& source : sources) out.push_back(source_of(std::move(source), member));
  return out;
}

calls::RecognizeSpec spec_of(calling::CallRecognize& wanted) {
  using Input = calls::RecognizeSpec::Input;
  calls::RecognizeSpec spec;
  switch (wanted.input) {
    case calling::RecognizeInput::kDtmf:
      spec.input = Input::kDtmf;
      break;
    case calling::RecognizeInput::kChoices:
      spec.input = Input::kChoices;
      break;
    case calling::RecognizeInput::kSpeech:
      spec.input = Input::kSpeech;
      break;
    case calling::RecognizeInput::kSpeechOrDtmf:
      spec.input = Input::kSpeechOrDtmf;
      break;
    default:
      throw bad_member("input", "wanted dtmf, choices, speech or speechOrDtmf");
  }
  spec.interrupt_prompt = wanted.interrupt_prompt;
  spec.initial_silence = within(wanted.initial_silence, std::chrono::seconds{300}, "initial_silence");
  spec.inter_tone = within(wanted.inter_tone, std::chrono::seconds{60}, "inter_tone");
  spec.end_silence = within(wanted.end_silence, std::chrono::seconds{60}, "end_silence");
  if (wanted.max_tones < 0 || wanted.max_tones > kMaxTones) throw bad_member("max_tones", "wanted 0 to 100");
  spec.max_tones = static_cast<std::size_t>(wanted.max_tones);
  if (wanted.stop_tones) spec.stop_tones = digits_of(*wanted.stop_tones, "stop_tones");
  if (wanted.choices) {
    if (wanted.choices->size() > kMaxChoices) throw bad_member("choices", "found more than 50");
    for (calling::RecognizeChoice& choice : *wanted.choices) {
      calls::Choice& added = spec.choices.emplace_back();
      added.label = std::move(choice.label);
      added.phrases = std::move(choice.phrases);
      if (!choice.tone) continue;
      const std::string tone = digits_of(*choice.tone, "choices");
      if (tone.size() != 1) throw bad_member("choices", "'" + choice.tone->substr(0, 20) + "' is no tone");
      added.tone = tone.front();
    }
  }
  if (spec.input == Input::kChoices && spec.choices.empty()) throw bad_member("choices", "there are none");
  return spec;
}

calling::CallConnection connection_of(const calls::ConnectionView& view) {
  calling::CallConnection out;
  out.id = view.id;
  out.server_call_id = view.server_call_id;
  out.correlation_id = view.correlation_id;
  out.state = state_of(view.state);
  for (const Party& target : view.targets) out.targets.push_back(calls::party_text(target.raw_id));
  out.source = name_of(view.source);
  out.source_number = name_of(view.source_number);
  out.display_name = text_unless_empty(view.display_name);
  out.answered_by = name_of(view.answered_by);
  out.answered_for = name_of(view.answered_for);
  out.callback_uri = text_unless_empty(view.callback_uri);
  out.repeated = view.repeated;
  return out;
}

std::vector<calling::CallParticipant> people_of(const std::vector<calls::ParticipantView>& views) {
  std::vector<calling::CallParticipant> out;
  for (const calls::ParticipantView& view : views) out.push_back({calls::party_text(view.who.raw_id), view.muted, view.on_hold});
  return out;
}

}  // namespace trunkline::calls_values
