// Participants of a bridge: sockets of their own, a frame each every 20 ms, and what comes back is counted.
#pragma once
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
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

/// What those say who do not talk: nothing, or the noise of a room (-50 dB), which browsers send all the time.
enum class Quiet { kSilence, kNoise };

/// Something that has the pitch and the pauses of speech; the same each time.
inline std::vector<Frame> speech(int frames, bool silent, Quiet quiet = Quiet::kSilence) {
  std::vector<Frame> out(static_cast<std::size_t>(frames));
  double phase = 0;
  std::uint32_t random = 1;
  for (Frame& frame : out)
    for (std::int16_t& sample : frame) {
      phase += 1.0 / kMixRate;
      const double pitch = 140 + 40 * std::sin(2 * M_PI * 2.1 * phase), loud = 0.5 + 0.5 * std::sin(2 * M_PI * 3.7 * phase);
      double value = 0;
      for (int harmonic = 1; harmonic < 10; ++harmonic) value += std::sin(2 * M_PI * pitch * harmonic * phase) / harmonic;
      random = random * 1664525 + 1013904223;
      const auto noise = static_cast<std::int16_t>(static_cast<int>(random >> 16) % 361 - 180);
      const std::int16_t rest = quiet == Quiet::kNoise ? noise : std::int16_t{0};
      sample = silent ? rest : static_cast<std::int16_t>(loud * 3000 * value);
    }
  return out;
}

/// Coded once; all of them send the same, from different places on.
inline std::vector<std::string> coded(CodecId id, bool silent, Quiet quiet = Quiet::kSilence) {
  const std::unique_ptr<Codec> codec = Codec::make(id);
  std::vector<std::string> packets;
  std::array<std::uint8_t, Codec::kMaxEncoded> bytes{};
  for (const Frame& frame : speech(250, silent, quiet)) {
    const std::size_t size = codec->encode(frame, bytes);
    packets.emplace_back(reinterpret_cast<const char*>(bytes.data()), size);
  }
  return packets;
}

/// Of each of these packets how far below the loudest possible it is, in dB (RFC 6464).
inline std::vector<std::uint8_t> levels_of(const std::vector<Frame>& frames) {
  std::vector<std::uint8_t> out;
  for (const Frame& frame : frames)
    out.push_back(static_cast<std::uint8_t>(
        std::clamp(10 * std::log10(32768.0 * 32768.0 / (static_cast<double>(mean_square(frame)) + 1e-4)), 0.0, 127.0)));
  return out;
}

/// How they differ from plain phones.
struct Ways {
  std::string key;  // of SRTP, both ways; empty: plain
  bool levels = false;
  Quiet quiet = Quiet::kSilence;
};

class Participants {
 public:
  static constexpr std::uint8_t kLevelExtension = 1;

  struct Counts {
    long sent = 0;
    long got = 0;
    long late = 0;  // frames of ours that began more than 20 ms after their time
  };

  /// Of `count` people the first `talkers` talk, the others are quiet.
  Participants(int count, int talkers, CodecId codec, const Ways& ways = {})
      : codec_(codec),
        levels_(ways.levels),
        talking_(coded(codec, false)),
        silent_(coded(codec, true, ways.quiet)),
        talking_levels_(levels_of(speech(250, false))),
        silent_levels_(levels_of(speech(250, true, ways.quiet))),
        talkers_(talkers) {
    const std::string& key = ways.key;
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
        const bool talks = static_cast<int>(i) < talkers_;
        const auto& packets = talks ? talking_ : silent_;
        const std::size_t at = (static_cast<std::size_t>(tick) + i * 7) % packets.size();
        const std::string& payload = packets[at];
        RtpHeader header;
        header.payload_type = types_[i];
        header.sequence = static_cast<std::uint16_t>(tick);
        header.timestamp = static_cast<std::uint32_t>(tick) * info_of(codec_).frame_ticks();
        header.ssrc = static_cast<std::uint32_t>(1000 + i);
        write_rtp_header(std::span(packet).first<kRtpHeaderBytes>(), header);
        std::size_t size = kRtpHeaderBytes;
        if (levels_) {
          const std::uint8_t level = (talks ? talking_levels_ : silent_levels_)[at];
          const std::array<std::uint8_t, 8> extension{0xbe, 0xde, 0, 1, kLevelExtension << 4, level, 0, 0};
          packet[0] |= 0x10;
          std::memcpy(packet.data() + size, extension.data(), extension.size());
          size += extension.size();
        }
        std::memcpy(packet.data() + size, payload.data(), payload.size());
        size += payload.size();
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
  const bool levels_;
  const std::vector<std::string> talking_;
  const std::vector<std::string> silent_;
  const std::vector<std::uint8_t> talking_levels_;
  const std::vector<std::uint8_t> silent_levels_;
  const int talkers_;
  long next_ = 0;
  std::vector<int> sockets_;
  std::vector<std::uint16_t> ports_;
  std::vector<std::uint8_t> types_;
  std::vector<std::unique_ptr<SrtpSession>> protect_;
};

}  // namespace media_bench
