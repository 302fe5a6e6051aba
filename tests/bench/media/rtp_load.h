// Participants of a bridge: sockets of their own, a frame each every 20 ms, and what comes back is counted.
#pragma once
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "media/codec.h"
#include "media/rtp.h"
#include "media/srtp.h"

namespace media_bench {

using namespace call_media;

/// Something that has the pitch and the pauses of speech; the same each time.
inline std::vector<Frame> speech(int frames, bool silent) {
  std::vector<Frame> out(static_cast<std::size_t>(frames));
  double phase = 0;
  for (Frame& frame : out)
    for (std::int16_t& sample : frame) {
      phase += 1.0 / kMixRate;
      const double pitch = 140 + 40 * std::sin(2 * M_PI * 2.1 * phase), loud = 0.5 + 0.5 * std::sin(2 * M_PI * 3.7 * phase);
      double value = 0;
      for (int harmonic = 1; harmonic < 10; ++harmonic) value += std::sin(2 * M_PI * pitch * harmonic * phase) / harmonic;
      sample = silent ? std::int16_t{0} : static_cast<std::int16_t>(loud * 3000 * value);
    }
  return out;
}

/// Coded once; all of them send the same, from different places on.
inline std::vector<std::string> coded(CodecId id, bool silent) {
  const std::unique_ptr<Codec> codec = Codec::make(id);
  std::vector<std::string> packets;
  std::array<std::uint8_t, Codec::kMaxEncoded> bytes{};
  for (const Frame& frame : speech(250, silent)) {
    const std::size_t size = codec->encode(frame, bytes);
    packets.emplace_back(reinterpret_cast<const char*>(bytes.data()), size);
  }
  return packets;
}

class Participants {
 public:
  struct Counts {
    long sent = 0;
    long got = 0;
    long late = 0;  // frames of ours that began more than 20 ms after their time
  };

  /// Of `count` people the first `talkers` talk, the others send silence. `key`: of SRTP, both ways; empty: plain.
  Participants(int count, int talkers, CodecId codec, std::string key)
      : codec_(codec), talking_(coded(codec, false)), silent_(coded(codec, true)), talkers_(talkers) {
    for (int i = 0; i < count; ++i) {
      const int socket = ::socket(AF_INET, SOCK_DGRAM, 0);
      sockaddr_in own = address(0);
      socklen_t size = sizeof own;
      if (::bind(socket, reinterpret_cast<sockaddr*>(&own), size) != 0) throw std::runtime_error("no socket");
      ::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &size);
      ::fcntl(socket, F_SETFL, O_NONBLOCK);
      sockets_.push_back(socket);
      ports_.push_back(ntohs(own.sin_port));
      if (!key.empty()) protect_.push_back(std::make_unique<SrtpSession>(key, true));
    }
  }
  ~Participants() {
    for (const int socket : sockets_) ::close(socket);
  }
  Participants(const Participants&) = delete;

  const std::vector<std::uint16_t>& ports() const { return ports_; }

  /// Where each of them sends, and with which payload type.
  void connect(const std::vector<std::pair<std::uint16_t, std::uint8_t>>& peers) {
    for (std::size_t i = 0; i < peers.size(); ++i) {
      const sockaddr_in peer = address(peers[i].first);
      if (::connect(sockets_[i], reinterpret_cast<const sockaddr*>(&peer), sizeof peer) != 0) throw std::runtime_error("no peer");
      types_.push_back(peers[i].second);
    }
  }

  Counts run(double seconds) {
    using Clock = std::chrono::steady_clock;  // NOLINT(trunkline-clock): a benchmark measures real time
    Counts counts;
    const auto begin = Clock::now();
    std::array<std::uint8_t, 700> packet{};
    std::array<char, 2048> back{};
    const auto ticks = static_cast<long>(seconds * 50);
    const long first = std::exchange(next_, next_ + ticks);  // packets go on where they were
    for (long tick = first; tick < first + ticks; ++tick) {
      const auto due = begin + std::chrono::milliseconds{20 * (tick - first)};
      if (Clock::now() < due)
        std::this_thread::sleep_until(due);
      else if (Clock::now() > due + std::chrono::milliseconds{20})
        ++counts.late;
      for (std::size_t i = 0; i < sockets_.size(); ++i) {
        const auto& packets = static_cast<int>(i) < talkers_ ? talking_ : silent_;
        const std::string& payload = packets[(static_cast<std::size_t>(tick) + i * 7) % packets.size()];
        RtpHeader header;
        header.payload_type = types_[i];
        header.sequence = static_cast<std::uint16_t>(tick);
        header.timestamp = static_cast<std::uint32_t>(tick) * info_of(codec_).frame_ticks();
        header.ssrc = static_cast<std::uint32_t>(1000 + i);
        write_rtp_header(std::span(packet).first<kRtpHeaderBytes>(), header);
        std::memcpy(packet.data() + kRtpHeaderBytes, payload.data(), payload.size());
        std::size_t size = kRtpHeaderBytes + payload.size();
        if (!protect_.empty() && !protect_[i]->protect(packet.data(), size)) continue;
        if (::send(sockets_[i], packet.data(), size, 0) > 0) ++counts.sent;
        while (::recv(sockets_[i], back.data(), back.size(), 0) > 0) ++counts.got;
      }
    }
    return counts;
  }

 private:
  static sockaddr_in address(std::uint16_t port) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    out.sin_port = htons(port);
    return out;
  }

  const CodecId codec_;
  const std::vector<std::string> talking_;
  const std::vector<std::string> silent_;
  const int talkers_;
  long next_ = 0;
  std::vector<int> sockets_;
  std::vector<std::uint16_t> ports_;
  std::vector<std::uint8_t> types_;
  std::vector<std::unique_ptr<SrtpSession>> protect_;
};

}  // namespace media_bench
