// Our bridge with participants that send over sockets of their own, in real time: CPU of the media thread, and where it goes.
//
//   bench_mixer participants talkers seconds pcmu|opus [srtp] [levels] [noise] [alone]
//
// levels: packets say how loud they are (RFC 6464). noise: who does not talk sends the noise of a room, not nothing. alone: one
// media thread, whatever the number of participants.
//
// Prints "percent-of-core frames-back late-share outside-share participants-per-core late-while-they-come". Outside: what is
// neither codec nor crypto, by the cost of those measured alone beside it. The last: frames that were late in the second and a
// half in which all of them come at once, which does not count for the rest.
#include <time.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "media/engine.h"
#include "rtp_load.h"

using namespace call_media;

namespace {

double thread_seconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

/// What the legs have done in a frame, on average.
struct Work {
  double coded = 0;
  double decoded = 0;            // of those that talk
  double decoded_quiet = 0;      // of the others
  double protected_packets = 0;  // both ways
};

/// Seconds of CPU that this takes each second, alone.
double bare_cost(const Work& work, CodecId id, const media_bench::Ways& ways) {
  const std::unique_ptr<Codec> codec = Codec::make(id);
  const auto talking = media_bench::coded(id, false), silent = media_bench::coded(id, true, ways.quiet);
  const auto frames = media_bench::speech(250, false);
  std::array<std::int16_t, Codec::kMaxDecoded> sound{};
  std::array<std::uint8_t, Codec::kMaxEncoded> bytes{};
  const auto timed = [](auto step) {
    constexpr int kRounds = 500;
    const double begin = thread_seconds(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < kRounds; ++i) step(static_cast<std::size_t>(i % 250));
    return (thread_seconds(CLOCK_THREAD_CPUTIME_ID) - begin) / kRounds * 50;
  };
  const auto decode = [&](const std::vector<std::string>& packets) {
    return timed([&](std::size_t i) {
      codec->decode(Bytes(reinterpret_cast<const std::uint8_t*>(packets[i].data()), packets[i].size()), sound);
    });
  };
  double cost = timed([&](std::size_t i) { codec->encode(frames[i], bytes); }) * work.coded;
  cost += decode(talking) * work.decoded + decode(silent) * work.decoded_quiet;
  if (ways.key.empty()) return cost;
  SrtpSession session(ways.key, true);
  std::array<std::uint8_t, 700> packet{};
  std::uint16_t sequence = 0;
  return cost + work.protected_packets * timed([&](std::size_t i) {
                  RtpHeader header;
                  header.sequence = ++sequence;
                  header.ssrc = 1;
                  write_rtp_header(std::span(packet).first<kRtpHeaderBytes>(), header);
                  std::size_t size = kRtpHeaderBytes + talking[i].size();
                  session.protect(packet.data(), size);  // the way back costs as much
                });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5)
    return std::fprintf(stderr, "bench_mixer participants talkers seconds pcmu|opus [srtp] [levels] [noise] [alone]\n"), 2;
  const int count = std::atoi(argv[1]), talkers = std::atoi(argv[2]);
  const double seconds = std::atof(argv[3]);
  const CodecId codec = *codec_of_name(argv[4]);
  media_bench::Ways ways;
  MediaEngine::Split split;
  for (const std::string_view word : std::span(argv + 5, static_cast<std::size_t>(argc - 5))) {
    if (word == "srtp") ways.key.assign(SrtpSession::kKeyBytes, 'k');
    if (word == "levels") ways.levels = true;
    if (word == "noise") ways.quiet = media_bench::Quiet::kNoise;
    if (word == "alone") split.helpers = 0;
  }

  RtpPorts ports("127.0.0.1", 30000, 39999);
  MediaEngine engine([] {}, kMixLoudest, split);
  media_bench::Participants people(count, talkers, codec, ways);
  std::vector<std::pair<std::uint16_t, std::uint8_t>> peers;
  std::vector<MediaLegPtr> legs;
  for (int i = 0; i < count; ++i) {
    const MediaLegPtr leg = engine.make_leg(static_cast<std::uint64_t>(i + 1), ports.open());
    StreamSettings stream;
    stream.remote = *Endpoint::of("127.0.0.1", people.ports()[static_cast<std::size_t>(i)]);
    stream.codec = codec;
    stream.payload_type = info_of(codec).payload_type;
    stream.send_key = stream.receive_key = ways.key;
    stream.level_extension = ways.levels ? people.kLevelExtension : 0;
    engine.change(leg, [stream, parts = RtpStream::prepare(stream)](MediaLeg& media) {
      media.stream.configure(stream, *parts);
      media.answered = true;
      media.bridge = "room";
    });
    peers.emplace_back(leg->port, stream.payload_type);
    legs.push_back(leg);
  }
  people.connect(peers);

  // CPU of the process without that of the people, who have a thread of their own.
  engine.start();
  std::atomic<double> theirs{0}, begun{0};
  media_bench::Participants::Counts counts;
  MediaEngine::Counts before;
  std::thread load([&] {
    people.run(1.5);  // until buffers are as deep as they get
    before = engine.counts();
    begun.store(thread_seconds(CLOCK_PROCESS_CPUTIME_ID));
    const double own = thread_seconds(CLOCK_THREAD_CPUTIME_ID);
    counts = people.run(seconds);
    theirs.store(thread_seconds(CLOCK_THREAD_CPUTIME_ID) - own);
  });
  load.join();
  const double used = thread_seconds(CLOCK_PROCESS_CPUTIME_ID) - begun - theirs;
  const MediaEngine::Counts frames = engine.counts();
  const std::uint64_t measured = frames.frames - before.frames;
  engine.stop();
  Work work;
  for (int i = 0; i < count; ++i) {
    const StreamCounts one = legs[static_cast<std::size_t>(i)]->stream.counts();
    work.coded += one.coded;
    (i < talkers ? work.decoded : work.decoded_quiet) += one.decoded;
    work.protected_packets += one.sent + one.buffer.received;
  }
  for (double* each : {&work.coded, &work.decoded, &work.decoded_quiet, &work.protected_packets})
    *each /= static_cast<double>(frames.frames);
  const double core = used / seconds, bare = bare_cost(work, codec, ways);
  std::printf("%.2f %.4f %.4f %.2f %.0f %llu\n", core * 100, static_cast<double>(counts.got) / static_cast<double>(counts.sent),
              static_cast<double>(frames.late - before.late) / static_cast<double>(measured), 1 - bare / core, count / core,
              static_cast<unsigned long long>(before.late));
}
