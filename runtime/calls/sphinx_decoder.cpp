#include "runtime/calls/sphinx_decoder.h"

#include <dlfcn.h>
#include <pocketsphinx.h>
#include <sphinxbase/err.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <system_error>

namespace trunkline::calls {

namespace fs = std::filesystem;

namespace {

constexpr const char* kLibrary = "libpocketsphinx.so.3";
/// How much worse words may fit than any sounds do, in units of the acoustic score for 10 ms: half sure. Found with three voices
/// at 16 and 8 kHz: words that were wanted lie above (97 of 100), others below, but for those that differ in one sound.
constexpr double kHalfSure = -18, kSlope = 5;

constexpr std::int64_t kFrameSamples = kSampleRate / 100;

constexpr std::array kSounds = {"AA", "AE", "AH", "AO", "AW", "AY", "B",  "CH", "D", "DH", "EH", "ER", "EY",
                                "F",  "G",  "HH", "IH", "IY", "JH", "K",  "L",  "M", "N",  "NG", "OW", "OY",
                                "P",  "R",  "S",  "SH", "T",  "TH", "UH", "UW", "V", "W",  "Y",  "Z",  "ZH"};

/// The functions that we call. Kept for good once it is there.
struct Library {
  decltype(&::ps_args) args = nullptr;
  decltype(&::cmd_ln_init) options = nullptr;
  decltype(&::cmd_ln_free_r) free_options = nullptr;
  decltype(&::err_set_callback) set_errors = nullptr;
  decltype(&::err_set_logfp) set_log = nullptr;
  decltype(&::ps_init) init = nullptr;
  decltype(&::ps_free) free = nullptr;
  decltype(&::ps_lookup_word) lookup = nullptr;
  decltype(&::ps_add_word) add_word = nullptr;
  decltype(&::ps_set_jsgf_string) set_grammar = nullptr;
  decltype(&::ps_set_lm_file) set_language = nullptr;
  decltype(&::ps_set_search) set_search = nullptr;
  decltype(&::ps_start_stream) start_stream = nullptr;
  decltype(&::ps_start_utt) start = nullptr;
  decltype(&::ps_process_raw) process = nullptr;
  decltype(&::ps_end_utt) end = nullptr;
  decltype(&::ps_get_hyp) hypothesis = nullptr;
  decltype(&::ps_seg_iter) segments = nullptr;
  decltype(&::ps_seg_next) next_segment = nullptr;
  decltype(&::ps_seg_prob) segment_scores = nullptr;
  decltype(&::ps_seg_frames) segment_frames = nullptr;
  decltype(&::ps_seg_word) segment_word = nullptr;

  /// Throws kFailedPrecondition; tried again at the next call then.
  static const Library& get() {
    static const Library library;
    return library;
  }

 private:
  Library() {
    void* handle = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
      throw Error(ErrorCode::kFailedPrecondition,
                  std::string("speech is not understood here: ") + kLibrary + " is not installed (Debian: libpocketsphinx3)");
    const auto find = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(handle, name));
      if (!function) throw Error(ErrorCode::kFailedPrecondition, std::string(kLibrary) + " has no " + name);
    };
    find(args, "ps_args");
    find(options, "cmd_ln_init");
    find(free_options, "cmd_ln_free_r");
    find(set_errors, "err_set_callback");
    find(set_log, "err_set_logfp");
    find(init, "ps_init");
    find(free, "ps_free");
    find(lookup, "ps_lookup_word");
    find(add_word, "ps_add_word");
    find(set_grammar, "ps_set_jsgf_string");
    find(set_language, "ps_set_lm_file");
    find(set_search, "ps_set_search");
    find(start_stream, "ps_start_stream");
    find(start, "ps_start_utt");
    find(process, "ps_process_raw");
    find(end, "ps_end_utt");
    find(hypothesis, "ps_get_hyp");
    find(segments, "ps_seg_iter");
    find(next_segment, "ps_seg_next");
    find(segment_scores, "ps_seg_prob");
    find(segment_frames, "ps_seg_frames");
    find(segment_word, "ps_seg_word");
    set_errors(nullptr, nullptr);
  }
};

struct ModelFiles {
  fs::path sounds, dictionary, language;
};

ModelFiles files_of(const fs::path& model) {
  ModelFiles files;
  std::error_code ignored;
  for (fs::directory_iterator at(model, ignored), end; !ignored && at != end; at.increment(ignored)) {
    const std::string name = at->path().filename();
    if (fs::exists(at->path() / "mdef", ignored)) files.sounds = at->path();
    if (name.ends_with(".dict")) files.dictionary = at->path();
    if (name.ends_with(".lm.bin") && name.find("phone") == name.npos) files.language = at->path();
  }
  return files;
}

std::string no_model(const fs::path& model) {
  return "speech is not understood here: " + model.string() +
         " holds no acoustic model and dictionary (Debian: pocketsphinx-en-us; another place: calls.recognition_model)";
}

}  // namespace

struct SphinxDecoder::State {
  const Library& library;
  ps_decoder_t* decoder = nullptr;
  fs::path language_model;
  bool free = false;  // there is the search

  explicit State(const Library& found) : library(found) {}
  ~State() {
    if (decoder) library.free(decoder);
  }
  State(const State&) = delete;
};

std::optional<std::string> SphinxDecoder::trouble(const fs::path& model) {
  const ModelFiles files = files_of(model);
  if (files.sounds.empty() || files.dictionary.empty()) return no_model(model);
  try {
    Library::get();
  } catch (const Error& error) {
    return error.message;
  }
  return std::nullopt;
}

SphinxDecoder::SphinxDecoder(const fs::path& model) : state_(std::make_unique<State>(Library::get())) {
  const ModelFiles files = files_of(model);
  if (files.sounds.empty() || files.dictionary.empty()) throw Error(ErrorCode::kFailedPrecondition, no_model(model));
  const Library& library = state_->library;
  library.set_log(nullptr);  // of this thread; it writes a page about its options otherwise
  // All senones, so that scores of two searches can be compared.
  cmd_ln_t* options = library.options(nullptr, library.args(), 1, "-hmm", files.sounds.c_str(), "-dict", files.dictionary.c_str(),
                                      "-compallsen", "yes", "-bestpath", "no", nullptr);
  if (options) {
    state_->decoder = library.init(options);
    library.free_options(options);
  }
  if (!state_->decoder) throw Error(ErrorCode::kFailedPrecondition, model.string() + " is no model that PocketSphinx can read");
  state_->language_model = files.language;
  // Before there is a language model, which would take these for words of its own.
  std::string grammar;
  for (const char* sound : kSounds) {
    const std::string word = std::string("@") + sound;  // in no dictionary
    library.add_word(state_->decoder, word.c_str(), sound, 0);
    grammar += (grammar.empty() ? "" : " | ") + word;
  }
  grammar = "#JSGF V1.0; grammar sounds; public <sounds> = (" + grammar + ")+;";
  if (library.set_grammar(state_->decoder, "sounds", grammar.c_str()) < 0)
    throw Error(ErrorCode::kFailedPrecondition, "the model of the recognition is not of English");
}

SphinxDecoder::~SphinxDecoder() = default;

bool SphinxDecoder::knows(const std::string& word) {
  char* sounds = state_->library.lookup(state_->decoder, word.c_str());
  std::free(sounds);
  return sounds != nullptr;
}

SphinxDecoder::Heard SphinxDecoder::one_of(const Samples& said, const std::vector<std::vector<std::string>>& phrases) {
  std::string grammar;
  for (const std::vector<std::string>& words : phrases) {
    if (words.empty()) continue;
    grammar += grammar.empty() ? "" : " |";
    for (const std::string& word : words) grammar += ' ' + word;
  }
  if (grammar.empty()) return {};
  grammar = "#JSGF V1.0; grammar choices; public <choice> =" + grammar + ";";
  // One of the same name takes the place of the one before.
  if (state_->library.set_grammar(state_->decoder, "choices", grammar.c_str()) < 0)
    throw Error(ErrorCode::kInvalidArgument, "the choices are no grammar that PocketSphinx takes", "recognizeOptions.choices");
  return decode("choices", said);
}

SphinxDecoder::Heard SphinxDecoder::free(const Samples& said) {
  if (!state_->free) {
    if (state_->language_model.empty() ||
        state_->library.set_language(state_->decoder, "free", state_->language_model.c_str()) < 0)
      throw Error(ErrorCode::kFailedPrecondition, "the model of the recognition has no language model (*.lm.bin)");
    state_->free = true;
  }
  return decode("free", said);
}

SphinxDecoder::Heard SphinxDecoder::any_sounds(const Samples& said) { return decode("sounds", said); }

SphinxDecoder::Heard SphinxDecoder::decode(const char* search, const Samples& said) {
  const Library& library = state_->library;
  ps_decoder_t* decoder = state_->decoder;
  Heard heard;
  // A stream of its own: what is known of the noise of another line is forgotten.
  if (library.set_search(decoder, search) < 0 || library.start_stream(decoder) < 0 || library.start(decoder) < 0)
    throw Error(ErrorCode::kInternal, "PocketSphinx does not listen");
  library.process(decoder, said.data(), said.size(), 0, 1);  // whole: the mean is that of this speaker
  library.end(decoder);
  std::int32_t score = 0;
  if (const char* text = library.hypothesis(decoder, &score)) heard.text = text;
  std::int64_t decoded = 0;
  for (ps_seg_t* segment = library.segments(decoder); segment; segment = library.next_segment(segment)) {
    std::int32_t acoustic = 0, language = 0, back = 0;
    library.segment_scores(segment, &acoustic, &language, &back);
    heard.score += acoustic;
    int from = 0, to = 0;
    library.segment_frames(segment, &from, &to);
    decoded = to + 1;
    const std::string_view word = library.segment_word(segment);
    if (word[0] == '<' || word[0] == '[' || word[0] == '(') continue;  // silence, noise, nothing
    heard.frames += to - from + 1;
    heard.words.push_back({std::string(word.substr(0, word.find('('))), from, to + 1});  // (2): another pronunciation
  }
  // The silence before the first word is not decoded, and not counted; what comes after the last one is.
  const auto all = static_cast<std::int64_t>(said.size()) / kFrameSamples;
  for (Word& word : heard.words) {
    word.from += std::max<std::int64_t>(all - decoded, 0);
    word.to += std::max<std::int64_t>(all - decoded, 0);
  }
  return heard;
}

double SphinxDecoder::confidence(const Heard& words, const Heard& sounds) {
  if (words.text.empty()) return 0;
  const auto frames = static_cast<double>(std::max<std::int64_t>({words.frames, sounds.frames, 1}));
  const double worse = static_cast<double>(words.score - sounds.score) / frames;
  return 1 / (1 + std::exp((kHalfSure - worse) / kSlope));
}

}  // namespace trunkline::calls
