// Floor: POSTs 1 KB of JSON over kept connections with an asynchronous Boost.Beast client, one thread.
#include <sys/resource.h>
#include <algorithm>
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <utility>
#include <vector>
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
using Clock = std::chrono::steady_clock;
static long left_, done_;
static std::vector<float> lat;
static double cpu() {
  rusage r;
  getrusage(RUSAGE_SELF, &r);
  return r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6;
}
struct Client : std::enable_shared_from_this<Client> {
  tcp::socket s;
  beast::flat_buffer b;
  http::request<http::string_body> req;
  http::response<http::string_body> res;
  Clock::time_point t;
  explicit Client(asio::io_context& io) : s(io) {}
  void post() {
    if (left_-- <= 0) {
      s.close();
      return;
    }
    t = Clock::now();
    req = {http::verb::post, "/hook", 11};
    req.set(http::field::host, "127.0.0.1");
    req.set(http::field::content_type, "application/json");
    req.set("aeg-event-type", "Notification");
    req.body().assign(1024, 'x');
    req.prepare_payload();
    http::async_write(s, req, [self = shared_from_this()](beast::error_code ec, size_t) {
      if (ec) {
        fprintf(stderr, "%s\n", ec.message().c_str());
        return;
      }
      self->res = {};
      http::async_read(self->s, self->b, self->res, [self](beast::error_code e, size_t) {
        if (e || self->res.result() != http::status::ok) {
          fprintf(stderr, "%s\n", e.message().c_str());
          return;
        }
        lat.push_back(std::chrono::duration<float, std::milli>(Clock::now() - self->t).count());
        done_++;
        self->post();
      });
    });
  }
};
int main(int argc, char** argv) {
  if (argc < 4) return 2;
  long total = left_ = atol(argv[2]);
  int conns = atoi(argv[3]);
  asio::io_context io(1);
  tcp::endpoint ep(asio::ip::make_address("127.0.0.1"), static_cast<unsigned short>(atoi(argv[1])));
  auto t0 = Clock::now();
  double c0 = cpu();
  for (int i = 0; i < conns; i++) {
    auto c = std::make_shared<Client>(io);
    c->s.async_connect(ep, [c](beast::error_code ec) {
      if (!ec) {
        c->s.set_option(tcp::no_delay(true));
        c->post();
      }
    });
  }
  io.run();
  double t = std::chrono::duration<double>(Clock::now() - t0).count(), k = cpu() - c0;
  if (done_ != total) return 1;
  std::sort(lat.begin(), lat.end());
  printf("%.1f %.2f %.3f %.3f\n", total / t, k * 1e6 / total, lat[total / 2], lat[total * 99 / 100]);
}
