#include <spandsp.h>

#include <array>
#include <new>

#include "media/rtp_stream.h"

namespace call_media {

struct InbandDtmf::State {
  State() : detector(dtmf_rx_init(nullptr, nullptr, nullptr)) {
    if (!detector) throw std::bad_alloc();
  }
  ~State() { dtmf_rx_free(detector); }
  State(const State&) = delete;

  dtmf_rx_state_t* detector;
  std::array<char, 32> found{};
};

InbandDtmf::InbandDtmf() : state_(std::make_unique<State>()) {}
InbandDtmf::~InbandDtmf() = default;

std::string_view InbandDtmf::hear(const Frame& frame) {
  // The detector wants 8 kHz, and every tone of a key lies far below 4 kHz.
  std::array<std::int16_t, kFrameSamples / 2> narrow;
  for (std::size_t i = 0; i < narrow.size(); ++i) narrow[i] = static_cast<std::int16_t>((frame[2 * i] + frame[2 * i + 1]) / 2);
  dtmf_rx(state_->detector, narrow.data(), static_cast<int>(narrow.size()));
  const std::size_t size = dtmf_rx_get(state_->detector, state_->found.data(), static_cast<int>(state_->found.size()) - 1);
  return {state_->found.data(), size};
}

}  // namespace call_media
