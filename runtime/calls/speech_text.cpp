#include "runtime/calls/speech_text.h"

#include <libxml/parser.h>
#include <libxml/tree.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <mutex>
#include <optional>

#include "runtime/base/strings.h"

namespace trunkline::calls {
namespace {

constexpr int kDeepest = 32;
constexpr int kMostElements = 1000;
constexpr Duration kLongestBreak = std::chrono::seconds{20};
constexpr double kSlowest = 0.5, kFastest = 2.0;

constexpr std::array<std::pair<std::string_view, Duration>, 6> kStrengths = {{{"none", Duration{0}},
                                                                              {"x-weak", std::chrono::milliseconds{250}},
                                                                              {"weak", std::chrono::milliseconds{500}},
                                                                              {"medium", std::chrono::milliseconds{750}},
                                                                              {"strong", std::chrono::milliseconds{1000}},
                                                                              {"x-strong", std::chrono::milliseconds{1250}}}};
constexpr std::array<std::pair<std::string_view, double>, 6> kRates = {
    {{"x-slow", 0.5}, {"slow", 0.64}, {"medium", 1.0}, {"default", 1.0}, {"fast", 1.55}, {"x-fast", 2.0}}};

[[noreturn]] void refuse_ssml(const std::string& why) {
  throw Error(ErrorCode::kInvalidArgument, "the SSML cannot be spoken: " + why, "ssml.ssmlText");
}

std::string_view xml_view(const xmlChar* text) { return text ? reinterpret_cast<const char*>(text) : ""; }

std::optional<std::string> attribute(const xmlNode* node, std::string_view wanted) {
  for (const xmlAttr* at = node->properties; at; at = at->next) {
    if (xml_view(at->name) != wanted) continue;
    const std::unique_ptr<xmlChar, decltype(xmlFree)> value(xmlNodeListGetString(node->doc, at->children, 1), xmlFree);
    return std::string(xml_view(value.get()));
  }
  return std::nullopt;
}

/// A number that is not negative, and what follows it.
std::optional<std::pair<double, std::string_view>> leading_number(std::string_view text) {
  double value = 0;
  if (text.empty() || !is_digit(text.front())) return std::nullopt;  // else inf and nan are numbers
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{}) return std::nullopt;
  return std::pair(value, text.substr(static_cast<std::size_t>(end - text.data())));
}

Duration read_break(const xmlNode* node) {
  if (const auto time = attribute(node, "time")) {
    const auto number = leading_number(*time);
    if (!number || (number->second != "ms" && number->second != "s"))
      refuse_ssml("wanted a time such as 500ms or 1.5s in <break>, found '" + *time + "'");
    const double seconds = number->second == "s" ? number->first : number->first / 1000;
    return seconds >= 20 ? kLongestBreak : Duration{static_cast<std::int64_t>(seconds * 1e9)};
  }
  const std::string strength = attribute(node, "strength").value_or("medium");
  for (const auto& [name, length] : kStrengths)
    if (name == strength) return length;
  refuse_ssml("'" + strength + "' is no strength of a <break>");
}

double read_rate(std::string_view text, double before) {
  for (const auto& [name, rate] : kRates)
    if (name == text) return rate;
  const bool slower = text.starts_with('-'), relative = slower || text.starts_with('+');
  const auto number = leading_number(relative ? text.substr(1) : text);
  if (!number || (number->second != "%" && !number->second.empty()) || (relative && number->second.empty()))
    refuse_ssml("wanted a rate such as slow, +20% or 0.8 in <prosody>, found '" + std::string(text) + "'");
  double rate = number->first;
  if (number->second == "%") rate = before * (relative ? 1 + (slower ? -rate : rate) / 100 : rate / 100);
  return std::clamp(rate, kSlowest, kFastest);
}

/// `+1 425` as `+ 1   4 2 5`: each sign by itself.
std::string spelt(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out.push_back(c);
    if (static_cast<unsigned char>(c) < 0x80) out.push_back(' ');
  }
  return out;
}

class SsmlReader {
 public:
  struct Style {
    VoiceWish voice;
    double rate = 1.0;
    bool spell = false;
  };

  void read(const xmlNode* node, Style style, int depth) {
    if (depth > kDeepest) refuse_ssml("its elements are nested more than " + std::to_string(kDeepest) + " deep");
    if (++elements_ > kMostElements) refuse_ssml("it has more than " + std::to_string(kMostElements) + " elements");
    const std::string_view name = xml_view(node->name);
    if (name == "audio") refuse_ssml("<audio> is not taken; play the file as a source of its own");
    if (name == "break") return pause(read_break(node));
    if (name == "sub")
      if (const auto alias = attribute(node, "alias")) return say(*alias, style);
    if (const auto locale = attribute(node, "lang"); locale && !locale->empty()) {
      style.voice.locale = *locale;
      if (name != "voice") style.voice.name.clear();
    }
    if (name == "voice") read_voice(node, style);
    if (name == "prosody")
      if (const auto rate = attribute(node, "rate")) style.rate = read_rate(*rate, style.rate);
    if (name == "say-as") {
      const std::string as = attribute(node, "interpret-as").value_or("");
      style.spell = as == "telephone" || as == "digits" || as == "characters" || as == "spell-out" || as == "number_digit";
    }
    const bool block = name == "p" || name == "s";
    if (block) pause(Duration{0});
    for (const xmlNode* child = node->children; child; child = child->next) {
      if (child->type == XML_ELEMENT_NODE) read(child, style, depth + 1);
      if (child->type == XML_TEXT_NODE || child->type == XML_CDATA_SECTION_NODE) say(xml_view(child->content), style);
    }
    if (block) pause(Duration{0});
  }

  std::vector<SpeechPart> take() { return std::move(parts_); }

 private:
  static void read_voice(const xmlNode* node, Style& style) {
    const auto name = attribute(node, "name");
    const auto gender = attribute(node, "gender");
    if (name) style.voice.name = *name;
    if (!gender) return;
    if (*gender != "female" && *gender != "male") refuse_ssml("'" + *gender + "' is no gender of a <voice>");
    style.voice.kind = *gender == "male" ? VoiceWish::Kind::kMale : VoiceWish::Kind::kFemale;
    if (!name) style.voice.name.clear();
  }

  /// What follows begins another part.
  void pause(Duration length) {
    if (parts_.empty()) {
      if (length > Duration{0}) parts_.push_back({{}, {}, 1.0, length});
    } else {
      parts_.back().pause_after += length;
    }
    open_ = false;
  }

  void say(std::string_view text, const Style& style) {
    if (text.find_first_not_of(" \t\r\n") == text.npos) {
      if (open_ && !text.empty()) parts_.back().text.push_back(' ');
      return;
    }
    if (!open_ || parts_.back().voice != style.voice || parts_.back().rate != style.rate)
      parts_.push_back({{}, style.voice, style.rate, Duration{0}});
    open_ = true;
    parts_.back().text += style.spell ? spelt(text) : std::string(text);
  }

  std::vector<SpeechPart> parts_;
  bool open_ = false;
  int elements_ = 0;
};

void ignore_speech_error(void*, xmlErrorPtr) {}

}  // namespace

std::vector<SpeechPart> read_ssml(std::string_view document, const VoiceWish& voice) {
  static std::once_flag once;
  std::call_once(once, [] { xmlInitParser(); });
  xmlSetStructuredErrorFunc(nullptr, ignore_speech_error);  // of this thread
  // Never the network, never a file, never entities of the document's own.
  constexpr int kOptions = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING;
  const std::unique_ptr<xmlDoc, decltype(&xmlFreeDoc)> tree(
      xmlReadMemory(document.data(), static_cast<int>(document.size()), nullptr, nullptr, kOptions), xmlFreeDoc);
  if (!tree) refuse_ssml("it is no well-formed XML");
  if (xmlGetIntSubset(tree.get())) refuse_ssml("it has a document type");
  const xmlNode* root = xmlDocGetRootElement(tree.get());
  if (!root || xml_view(root->name) != "speak") refuse_ssml("its root is not <speak>");
  SsmlReader reader;
  reader.read(root, {voice, 1.0, false}, 0);
  return reader.take();
}

}  // namespace trunkline::calls
