// A media provider whose frames are numbered: as many as the text to render has letters.
#include "trunkline/media_provider.hpp"
#include "trunkline/plugin.hpp"

namespace {

using namespace trunkline;

class Frames final : public StreamSource<media::AudioFrame> {
 public:
  explicit Frames(std::size_t count) : count_(static_cast<std::int64_t>(count)) {}
  Task<std::vector<media::AudioFrame>> next(std::uint32_t max) override {
    std::vector<media::AudioFrame> out;
    for (; out.size() < max && next_ < count_; ++next_) {
      media::AudioFrame& frame = out.emplace_back();
      frame.position = next_;
      frame.samples = {1, 2, 3};
    }
    co_return out;
  }

 private:
  const std::int64_t count_;
  std::int64_t next_ = 0;
};

class Tones final : public media::MediaProvider {
 public:
  explicit Tones(Host) {}
  Task<std::unique_ptr<StreamSource<media::AudioFrame>>> render(Call, media::PlaySource source, media::AudioFormat) override {
    const std::string* const text = source.text();
    if (!text) throw Error(ErrorCode::kInvalidArgument, "source: wanted a text", "source");
    co_return std::make_unique<Frames>(text->size());
  }
  media::MediaCapabilities capabilities(const Call&) override {
    media::MediaCapabilities out;
    out.formats = {{media::Codec::kPcm16, 16'000, 1, 20}};
    out.synthesis = true;
    return out;
  }
};

}  // namespace

TRUNKLINE_EXPORT_PLUGIN(Tones)
