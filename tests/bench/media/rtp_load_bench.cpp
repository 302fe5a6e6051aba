// Participants for any bridge: prints their ports, reads a line "port payload_type" for each, sends for so long, and prints what
// was sent, what came back, and how many frames were late.
//
//   bench_rtp_load participants talkers seconds pcmu|opus
#include <cstdio>
#include <cstdlib>

#include "rtp_load.h"

int main(int argc, char** argv) {
  if (argc < 5) return std::fprintf(stderr, "bench_rtp_load participants talkers seconds pcmu|opus\n"), 2;
  const int count = std::atoi(argv[1]);
  media_bench::Participants people(count, std::atoi(argv[2]), *call_media::codec_of_name(argv[4]));
  for (const std::uint16_t port : people.ports()) std::printf("%d\n", port);
  std::fflush(stdout);
  std::vector<std::pair<std::uint16_t, std::uint8_t>> peers;
  for (int i = 0; i < count; ++i) {
    int port = 0, type = 0;
    if (std::scanf("%d %d", &port, &type) != 2) return 1;
    peers.emplace_back(port, type);
  }
  people.connect(peers);
  const auto counts = people.run(std::atof(argv[3]));
  std::printf("%ld %ld %ld\n", counts.sent, counts.got, counts.late);
}
