#include "runtime/calls/flite_voices.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <optional>

#include "runtime/base/beside.h"
#include "runtime/base/strings.h"
#include "runtime/calls/espeak_voice.h"
#include "runtime/calls/voices/voices.h"

namespace trunkline::calls {
namespace {

/// Voices of Azure that are men's; the others are women's.
constexpr std::array kMen = {
    "abeo", "alfie", "andrew", "brandon", "brian", "chilemba", "christopher", "connor", "davis", "darren", "duncan", "elimu",
    "elliot", "eric", "ethan", "guy", "jacob", "james", "jason", "kai", "ken", "liam", "luke", "mitchell", "neil", "noah",
    "oliver", "prabhat", "roger", "ryan", "sam", "steffan", "thomas", "tim", "tony", "wayne", "william", "aarav", "adam",
    "dustin", "derek", "lewis", "samuel", "kunal", "rehaan",
    // Of other languages.
    "alessio", "alvaro", "andrei", "antonio", "antoine", "bernd", "cataldo", "christoph", "conrad", "diego", "dmitry", "donato",
    "duarte", "emil", "filip", "finn", "florian", "gianni", "giorgio", "giuseppe", "hamed", "harri", "henri", "injoon", "jan",
    "jean", "jeppe", "jorge", "julio", "kasper", "keita", "killian", "klaus", "lukas", "maarten", "madhur", "marek", "mattias",
    "maurice", "ostap", "pavel", "ralf", "remy", "thierry", "tristan", "yunxi", "yunyang", "yves"};

[[noreturn]] void refuse_voice(const std::string& why) { throw Error(ErrorCode::kInvalidArgument, why, "playSources"); }

/// `JennyMultilingualNeural`: whether the first name in it is a man's.
bool is_man(std::string_view name) {
  const std::string lower = to_lower(name);
  return std::any_of(kMen.begin(), kMen.end(), [&](std::string_view man) {
    if (!lower.starts_with(man)) return false;
    const std::string_view rest = std::string_view(lower).substr(man.size());
    return rest.empty() || rest.starts_with("neural") || rest.starts_with("multilingual") || rest.starts_with("dragon") ||
           rest[0] == ':';
  });
}

bool is_letters(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    const char lower = ascii_lower(c);
    return lower >= 'a' && lower <= 'z';
  });
}

struct NamedVoice {
  std::string locale;
  std::string name;
};

/// Of `en-US-JennyNeural`.
std::optional<NamedVoice> split_name(std::string_view text) {
  const auto first = text.find('-');
  const auto second = first == text.npos ? text.npos : text.find('-', first + 1);
  if (second == text.npos || second + 1 == text.size()) return std::nullopt;
  if (!is_letters(text.substr(0, first)) || first > 3 || !is_letters(text.substr(first + 1, second - first - 1)))
    return std::nullopt;
  return NamedVoice{std::string(text.substr(0, second)), std::string(text.substr(second + 1))};
}

constexpr std::string_view kLatin1 = "AAAAAAACEEEEIIIIDNOOOOOxOUUUUYTsaaaaaaaceeeeiiiidnooooo/ouuuuyty";  // U+00C0 to U+00FF
static_assert(kLatin1.size() == 64);

std::string_view plain_sign(char32_t point) {
  switch (point) {
    case 0x2018:
    case 0x2019:
      return "'";
    case 0x201c:
    case 0x201d:
      return "\"";
    case 0x2013:
    case 0x2014:
      return ", ";
    case 0x2026:
      return "... ";
    case 0x20ac:
      return " euro ";
    case 0xa3:
      return " pound ";
    default:
      return " ";
  }
}

/// The module with the voices. Five megabytes that most runtimes never need: loaded when the first text is spoken, and then kept.
class VoicesModule {
 public:
  static const VoicesModule& get() {
    static const VoicesModule module;  // tried again at the next text when this throws
    return module;
  }

  Samples say(FliteVoice voice, const std::string& text, double rate) const {
    Samples spoken;
    const auto keep = [](void* into, const short* samples, std::size_t count) {
      static_cast<Samples*>(into)->assign(samples, samples + count);
    };
    if (!say_(static_cast<int>(voice), text.c_str(), rate, kSampleRate, &spoken, keep))
      throw Error(ErrorCode::kInternal, "flite could not say the text");
    return spoken;
  }

 private:
  VoicesModule() {
    const std::filesystem::path file = find_beside(kVoicesModule);
    if (file.empty())
      throw Error(ErrorCode::kFailedPrecondition,
                  std::string("the module ") + kVoicesModule +
                      " is not there: wanted beside the runtime, in ../bin or in ../lib/trunkline");
    void* module = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!module) throw Error(ErrorCode::kFailedPrecondition, std::string("the voices cannot be loaded: ") + ::dlerror());
    say_ = reinterpret_cast<decltype(&trunkline_voices_say)>(::dlsym(module, "trunkline_voices_say"));
    if (!say_) throw Error(ErrorCode::kFailedPrecondition, file.string() + " is of another version than the runtime");
  }

  decltype(&trunkline_voices_say) say_ = nullptr;
};

}  // namespace

std::string_view name_of_voice(FliteVoice voice) {
  constexpr std::array<std::string_view, 3> kNames = {"slt", "rms", "awb"};
  return kNames[static_cast<std::size_t>(voice)];
}

Speaker choose_speaker(const VoiceWish& wish) {
  std::string locale = wish.locale.empty() ? "en-US" : wish.locale;
  bool man = wish.kind == VoiceWish::Kind::kMale;
  if (!wish.name.empty()) {
    for (const FliteVoice voice : {FliteVoice::kSlt, FliteVoice::kRms, FliteVoice::kAwb})
      if (iequals(wish.name, name_of_voice(voice))) return {voice, "en", voice != FliteVoice::kSlt};
    const auto named = split_name(wish.name);
    if (!named)
      refuse_voice("there is no voice '" + wish.name + "'; wanted a name such as en-US-JennyNeural, or slt, rms or awb");
    locale = named->locale;
    man = is_man(named->name);
  }
  locale = to_lower(locale);
  if (!EspeakVoice::is_locale(locale)) refuse_voice("'" + locale + "' is no language; wanted one such as de-DE");
  if (locale != "en" && !locale.starts_with("en-")) return {std::nullopt, locale, man};
  if (!man) return {FliteVoice::kSlt, locale, man};
  return {locale == "en-gb" || locale == "en-ie" ? FliteVoice::kAwb : FliteVoice::kRms, locale, man};
}

FliteVoice choose_voice(const VoiceWish& wish) {
  const Speaker speaker = choose_speaker(wish);
  if (!speaker.flite) refuse_voice("the voices of flite speak English only, and the text is to be spoken in " + speaker.locale);
  return *speaker.flite;
}

std::string speakable(std::string_view text) {
  std::string out;
  bool says = false;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t length = byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    char32_t point = length == 1 ? byte : byte & (0x7fu >> length);
    for (std::size_t j = 1; j < length && i + j < text.size(); ++j)
      point = point << 6 | (static_cast<unsigned char>(text[i + j]) & 0x3f);
    i += length;
    if (point >= 0xc0 && point <= 0xff)
      out.push_back(kLatin1[point - 0xc0]);
    else if (point > ' ' && point < 0x7f)
      out.push_back(static_cast<char>(point));
    else
      out += point < 0x7f || byte < 0xc0 ? " " : plain_sign(point);
    const char last = ascii_lower(out.back());
    says = says || is_digit(last) || (last >= 'a' && last <= 'z') ||
           std::string_view("+&%$@=#").find(last) != std::string_view::npos;
  }
  return says ? out : std::string();
}

Samples say(FliteVoice voice, const std::string& speakable_text, double rate) {
  return VoicesModule::get().say(voice, speakable_text, rate);
}

}  // namespace trunkline::calls
