// trunkline-plugin-host: the process of a plugin, started by its host with a socket and a page. Not for people.
#include <pthread.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <iterator>
#include <thread>

#include "runtime/isolation/worker/confine.h"
#include "runtime/isolation/worker/link.h"
#include "runtime/isolation/worker/plugin.h"
#include "wire/codec.h"

namespace {

using namespace trunkline::isolation;
using trunkline::Error;

int refuse(Link& link, const Error& why) {
  std::string frame;
  trunkline::remote::begin_frame(frame);
  trunkline::wire::Writer(frame).error(why);
  trunkline::remote::end_frame(frame, trunkline::remote::FrameType::kRefused);
  link.transmit(frame);
  link.drain();
  return 1;
}

}  // namespace

int main() {
  confine_process();
  if (!map_pulse()) {
    std::fputs("trunkline-plugin-host is started by a Trunkline runtime, not by hand\n", stderr);
    return 2;
  }
  watch_crashes();
  make_signal_stack();
  const auto link = std::make_shared<Link>(trunkline::abi::Errors());
  trunkline::remote::Peer::set_stray_listener(link.get());
  Wanted wanted;
  try {
    wanted = read_wanted(link->read_first());
  } catch (const Error& error) {
    return refuse(*link, error);
  }
  link->call_it("provider " + wanted.provider);
  const std::size_t memory_bytes = wanted.memory_bytes;
  // Those that are here, such as one of a sanitizer, the watchman, and the first that leads.
  count_own_threads(static_cast<int>(std::distance(std::filesystem::directory_iterator("/proc/self/task"), {})) + 2);
  // Threads before the plugin: it may ask the host for something while it is made.
  std::thread([&] {
    ::pthread_setname_np(::pthread_self(), "watchman");
    link->watch(memory_bytes);
  }).detach();
  HostedPlugin plugin(link, std::move(wanted));
  link->on_stop = [&plugin] { plugin.stop(); };
  std::thread([&] {
    ::pthread_setname_np(::pthread_self(), "plugin");
    make_signal_stack();
    link->lead();
    count_own_threads(-1);  // another one leads
  }).detach();
  if (!plugin.create()) ::_exit(1);
  for (;;) ::pause();  // the others end the process
}
