// Mail to a sink: through the provider email-smtp alone, and through the whole service (accepted durably, settled, its event
// published). run_email.sh puts libcurl and nodemailer beside it.
// usage: bench_email provider|service port mails connections bytes; prints mails a second and microseconds of CPU a mail.
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "runtime/core/runtime.h"
#include "runtime/providers/provider_registry.h"
#include "runtime/services/email_service.h"
#include "runtime/services/resource_service.h"
#include "trunkline/email_client.hpp"

namespace {

using namespace trunkline;

double seconds_now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double cpu_seconds() {
  rusage r{};
  getrusage(RUSAGE_SELF, &r);
  return static_cast<double>(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
         static_cast<double>(r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6;
}

std::string text_of(std::size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += std::string(76, 'x') + "\r\n";
  return text;
}

Task<void> send_by_provider(const Provider& provider, std::string text, std::atomic<long>& left) {
  while (left.fetch_sub(1) > 0) {
    email::EmailSendRequest request;
    request.message_id = "bench";
    request.internet_message_id = "<bench@shop.test>";
    request.from.address = "a@shop.test";
    request.recipients = {"b@example.com"};
    request.to.emplace_back().address = "b@example.com";
    request.subject = "test";
    request.plain_text = text;
    CallOptions options;
    const auto results = co_await provider.email().send(std::move(request), std::move(options));
    if (results[0].state != email::EmailState::kDelivered) std::abort();
  }
}

Task<void> send_by_service(Runtime& runtime, ResourcePtr resource, std::string text, std::atomic<long>& left) {
  while (left.fetch_sub(1) > 0) {
    EmailSubmission submission;
    submission.message.sender_address = "donotreply@shop.test";
    submission.message.subject = "test";
    submission.message.plain_text = text;
    submission.message.to.emplace_back().address = "b@example.com";
    co_await runtime.email().send(resource, std::move(submission));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) return 2;
  const bool whole = std::string(argv[1]) == "service";
  const long total = std::atol(argv[3]);
  const int connections = std::atoi(argv[4]);
  const std::string text = text_of(static_cast<std::size_t>(std::atol(argv[5])));
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("trunkline-email-bench-" + std::to_string(getpid()));
  auto runtime = Runtime::open(parse_config(
      "log: {level: error}\nstore: {mode: file, path: " + folder.string() +
      "}\nproviders: [{name: relay, plugin: email-smtp, config: {host: 127.0.0.1, tls: 'off', port: " + std::string(argv[2]) +
      ", connections: " + std::string(argv[4]) + "}}]\nresources: [{name: shop, email_domains: [{domain: shop.test}]}]\n"));
  const ResourcePtr resource = runtime->resources().default_resource();
  const Provider& provider = *runtime->providers().find("relay");
  std::atomic<long> left{total};
  std::atomic<int> running{0};
  const double start = seconds_now(), cpu = cpu_seconds();
  for (int i = 0; i < connections * 4; ++i) {
    ++running;
    Task<void> task = whole ? send_by_service(*runtime, resource, text, left) : send_by_provider(provider, text, left);
    spawn(std::move(task), [&](Result<void> result) {
      if (!result.ok()) std::abort();
      --running;
      running.notify_one();
    });
  }
  for (int n = running; n > 0; n = running) running.wait(n);
  if (whole) sync_wait(runtime->settle());  // handed over and settled, not only accepted
  std::printf("%.1f %.2f\n", static_cast<double>(total) / (seconds_now() - start),
              (cpu_seconds() - cpu) * 1e6 / static_cast<double>(total));
  runtime->close();
  std::filesystem::remove_all(folder);
  return 0;
}
