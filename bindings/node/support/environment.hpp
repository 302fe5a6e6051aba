// The state of one JavaScript environment: main thread or worker. Lives in the addon's instance data; everything here runs on
// the environment's thread.
#pragma once
#include <napi.h>

#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include "support/dispatcher.hpp"
#include "support/object.hpp"
#include "support/provider.hpp"
#include "support/runtime.hpp"

namespace trunkline::node {

class Environment {
 public:
  explicit Environment(Napi::Env env);
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  static Environment& of(napi_env env);

  const std::shared_ptr<Dispatcher>& dispatcher() const { return dispatcher_; }

  // ---- objects ----
  /// `owner`: the object it must not outlive; kNoHandle: none. When the owner is gone the object goes too, and so there is no
  /// handle.
  Handle keep(std::unique_ptr<Object> object, Handle owner);
  /// Throws Error when there is no such object.
  Object& object(Handle handle);
  /// The runtime behind a handle without an owner; null when it is closed.
  RuntimeObject* runtime(Handle handle);
  /// Takes an object out of the table after destroying what it owns; null when it is not there.
  std::unique_ptr<Object> take(Handle handle);

  // ---- calls ----
  /// The buffer that JavaScript writes calls to.
  void use_arguments(Napi::ArrayBuffer buffer);
  /// deliver(...texts) settles one call for each text; results(buffer) says where the packets lie.
  void use_callbacks(Napi::Function deliver, Napi::Function results);
  /// Begins the call in the arguments buffer. When it completes at once, its packet lies in the results buffer and its text is
  /// returned; else undefined.
  napi_value start(napi_value text);
  /// Runs the @sync operation in the arguments buffer, likewise.
  napi_value run(napi_value text);
  void cancel(std::uint32_t call);

  // ---- providers that are objects of JavaScript ----
  const std::shared_ptr<ProviderHub>& providers() const { return providers_; }
  /// The outcome of a provider's call, and of its creation, in the arguments buffer.
  void answer_call(napi_value text);
  void answer_create(napi_value text);

 private:
  struct Kept {
    std::unique_ptr<Object> object;
    Handle owner;
  };
  struct Header;

  Header begin(napi_value text);
  Reader answer(napi_value text);
  std::uint32_t answer_number() const;
  bool answer_failed() const;
  void shut_down();
  void drain();
  /// Writes one packet to the results buffer at slot `at`, which moves on. False when it does not fit behind what is there.
  bool place(Packet& packet, std::size_t& at);
  napi_value place_alone(Packet& packet);
  void call(napi_value function, std::span<const napi_value> arguments);
  void make_results(std::size_t slots);

  Napi::Env env_;
  std::shared_ptr<Dispatcher> dispatcher_;
  std::shared_ptr<ProviderHub> providers_;
  std::unordered_map<Handle, Kept> objects_;
  Handle next_handle_ = 1;
  /// Of the calls that JavaScript may cancel.
  std::unordered_map<std::uint32_t, std::stop_source> cancels_;

  // The references keep the memory alive that the spans show.
  Napi::Reference<Napi::ArrayBuffer> arguments_buffer_, results_buffer_;
  std::span<std::uint64_t> arguments_, results_;
  Napi::FunctionReference deliver_, use_results_;
  std::u16string text_;
};

}  // namespace trunkline::node
