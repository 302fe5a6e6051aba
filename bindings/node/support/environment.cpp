#include "support/environment.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "support/call.hpp"

namespace trunkline::node {
namespace {

/// call, kind, handle, payload slots.
constexpr std::size_t kPacketHeader = 4;
constexpr std::size_t kResultSlots = 8192;
constexpr std::size_t kTextKept = 1 << 16;
/// Texts in one call of deliver(): they become arguments.
constexpr std::size_t kTextsAtOnce = 256;

napi_value make_text(napi_env env, const Writer& payload) {
  napi_value text = nullptr;
  const std::string& bytes = payload.text();
  if (payload.ascii())
    napi_create_string_latin1(env, bytes.data(), bytes.size(), &text);
  else
    napi_create_string_utf8(env, bytes.data(), bytes.size(), &text);
  return text;
}

}  // namespace

/// What JavaScript writes before the arguments of a call, one slot each.
struct Environment::Header {
  enum Slot { kSlots, kTextUnits, kHandle, kOp, kCall, kTimeoutMs, kCancellable, kEnd };

  Handle handle;
  std::uint32_t op, call;
  double timeout_ms;  // NaN: none
  bool cancellable;
  Reader in;
  std::string idempotency_key{}, traceparent{}, resource{};  // before the arguments; empty: none
};

Environment::Environment(Napi::Env env)
    : env_(env),
      dispatcher_(std::make_shared<Dispatcher>(
          env, [](void* self) { static_cast<Environment*>(self)->drain(); }, this)),
      providers_(std::make_shared<ProviderHub>(dispatcher_)) {
  make_results(kResultSlots);
  dispatcher_->on_post([hub = std::weak_ptr(providers_)] {
    if (const auto alive = hub.lock()) alive->posted();
  });
  // Hooks run in reverse order: this one before Node.js takes the thread-safe function away.
  napi_add_env_cleanup_hook(
      env, [](void* self) { static_cast<Environment*>(self)->shut_down(); }, this);
}

Environment::~Environment() = default;

Environment& Environment::of(napi_env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  return *static_cast<Environment*>(data);
}

/// The environment ends: nothing may reach it from now on, and runtimes that were forgotten are closed properly.
void Environment::shut_down() {
  dispatcher_->close();
  providers_->close();
  std::vector<Handle> owners;
  for (const auto& [handle, kept] : objects_)
    if (kept.owner == kNoHandle) owners.push_back(handle);
  for (const Handle handle : owners) take(handle).reset();
  objects_.clear();
}

// ---- objects ----

Handle Environment::keep(std::unique_ptr<Object> object, Handle owner) {
  if (owner != kNoHandle && !objects_.contains(owner)) return kNoHandle;
  const Handle handle = next_handle_++;
  objects_.emplace(handle, Kept{std::move(object), owner});
  return handle;
}

Object& Environment::object(Handle handle) {
  const auto found = objects_.find(handle);
  if (found == objects_.end()) throw Error(ErrorCode::kFailedPrecondition, "the object is closed");
  return *found->second.object;
}

RuntimeObject* Environment::runtime(Handle handle) {
  const auto found = objects_.find(handle);
  if (found == objects_.end() || found->second.owner != kNoHandle) return nullptr;
  return found->second.object->as_runtime();
}

std::unique_ptr<Object> Environment::take(Handle handle) {
  const auto found = objects_.find(handle);
  if (found == objects_.end()) return nullptr;
  Kept kept = std::move(found->second);
  objects_.erase(found);
  if (kept.owner == kNoHandle) std::erase_if(objects_, [&](const auto& item) { return item.second.owner == handle; });
  return std::move(kept.object);
}

// ---- JavaScript to C++ ----

void Environment::use_arguments(Napi::ArrayBuffer buffer) {
  arguments_buffer_ = Napi::Reference<Napi::ArrayBuffer>::New(buffer, 1);
  arguments_ = {static_cast<std::uint64_t*>(buffer.Data()), buffer.ByteLength() / sizeof(std::uint64_t)};
}

void Environment::use_callbacks(Napi::Function deliver, Napi::Function results) {
  deliver_ = Napi::Persistent(deliver);
  use_results_ = Napi::Persistent(results);
  const napi_value buffer = results_buffer_.Value();
  call(use_results_.Value(), {&buffer, 1});
}

Environment::Header Environment::begin(napi_value text) {
  const auto slot = [&](Header::Slot at) { return std::bit_cast<double>(arguments_[at]); };
  const auto count = [&](Header::Slot at) { return static_cast<std::uint32_t>(slot(at)); };
  const std::size_t units = count(Header::kTextUnits);
  // One huge text shall not hold its memory for ever.
  const std::size_t room = std::max(units, kTextKept) + 1;
  if (text_.size() < room || text_.size() > 4 * room) text_ = std::u16string(room, u'\0');
  std::size_t copied = 0;
  if (units > 0) napi_get_value_string_utf16(env_, text, text_.data(), units + 1, &copied);
  const std::size_t end = std::min<std::size_t>(count(Header::kSlots), arguments_.size());
  Header header{.handle = count(Header::kHandle),
                .op = count(Header::kOp),
                .call = count(Header::kCall),
                .timeout_ms = slot(Header::kTimeoutMs),
                .cancellable = slot(Header::kCancellable) != 0,
                .in = Reader(arguments_.data() + Header::kEnd, end - Header::kEnd, std::u16string_view(text_).substr(0, copied))};
  read(header.in, header.idempotency_key);
  read(header.in, header.traceparent);
  read(header.in, header.resource);
  return header;
}

napi_value Environment::start(napi_value text) {
  Header header = begin(text);
  const auto target = objects_.find(header.handle);
  const Handle owner = target == objects_.end() ? kNoHandle : target->second.owner;
  const Reply reply(dispatcher_, header.call, owner);
  dispatcher_->begin(header.call);
  try {
    CallOptions options;
    options.idempotency_key = std::move(header.idempotency_key);
    options.traceparent = std::move(header.traceparent);
    options.resource = std::move(header.resource);
    if (const RuntimeObject* clock = std::isnan(header.timeout_ms) ? nullptr : runtime(owner))
      options.deadline = clock->now() + Duration(std::llround(header.timeout_ms * kNanosecondsPerMillisecond));
    if (header.cancellable) options.stop = cancels_[header.call].get_token();
    object(header.handle).start(header.op, header.in, Request{reply, std::move(options)});
  } catch (...) {
    // Only before the call was handed over: the clients do not throw once they have taken it.
    reply.fail(current_error());
  }
  const std::unique_ptr<Packet> packet = dispatcher_->end();
  return packet ? place_alone(*packet) : nullptr;
}

napi_value Environment::run(napi_value text) {
  Packet packet;
  try {
    Header header = begin(text);
    object(header.handle).run(header.op, header.in, packet.payload);
  } catch (...) {
    packet = Packet{};
    packet.kind = PacketKind::kError;
    write(packet.payload, current_error());
  }
  return place_alone(packet);
}

// ---- providers that are objects of JavaScript ----

/// slots, text units, number, failed: before an answer.
enum AnswerSlot { kAnswerSlots, kAnswerUnits, kAnswerNumber, kAnswerFailed, kAnswerEnd };

Reader Environment::answer(napi_value text) {
  const auto slot = [&](std::size_t at) { return static_cast<std::size_t>(std::bit_cast<double>(arguments_[at])); };
  const std::size_t units = slot(kAnswerUnits);
  const std::size_t room = std::max(units, kTextKept) + 1;
  if (text_.size() < room || text_.size() > 4 * room) text_ = std::u16string(room, u'\0');
  std::size_t copied = 0;
  if (units > 0) napi_get_value_string_utf16(env_, text, text_.data(), units + 1, &copied);
  const std::size_t end = std::min<std::size_t>(slot(kAnswerSlots), arguments_.size());
  return Reader(arguments_.data() + kAnswerEnd, end - kAnswerEnd, std::u16string_view(text_).substr(0, copied));
}
std::uint32_t Environment::answer_number() const {
  return static_cast<std::uint32_t>(std::bit_cast<double>(arguments_[kAnswerNumber]));
}
bool Environment::answer_failed() const { return std::bit_cast<double>(arguments_[kAnswerFailed]) != 0; }

void Environment::answer_call(napi_value text) {
  const std::unique_ptr<ProviderCall> call = providers_->take(answer_number());
  if (!call) return;
  const bool failed = answer_failed();
  Reader in = answer(text);
  try {
    if (!failed) return call->complete(in);
    Error error;
    read(in, error);
    call->fail(error);
  } catch (...) {
    call->fail(current_error());
  }
}

void Environment::answer_create(napi_value text) {
  const std::shared_ptr<ProviderObject> instance = providers_->find(answer_number());
  if (!instance) return;
  const bool failed = answer_failed();
  Reader in = answer(text);
  if (!failed) return instance->opened(in);
  Error error;
  read(in, error);
  instance->refused(std::move(error));
}

void Environment::cancel(std::uint32_t call) {
  const auto found = cancels_.find(call);
  if (found == cancels_.end()) return;
  std::stop_source source = std::move(found->second);
  cancels_.erase(found);
  source.request_stop();
}

// ---- C++ to JavaScript ----

void Environment::make_results(std::size_t slots) {
  // Plain Node-API: this runs inside the thread-safe function, where a C++ exception must not escape.
  napi_value buffer;
  void* memory = nullptr;
  if (napi_create_arraybuffer(env_, slots * sizeof(std::uint64_t), &memory, &buffer) != napi_ok)
    napi_fatal_error("trunkline", NAPI_AUTO_LENGTH, "out of memory", NAPI_AUTO_LENGTH);
  results_buffer_ = Napi::Reference<Napi::ArrayBuffer>::New(Napi::ArrayBuffer(env_, buffer), 1);
  results_ = {static_cast<std::uint64_t*>(memory), slots};
  if (!use_results_.IsEmpty()) call(use_results_.Value(), {&buffer, 1});
}

bool Environment::place(Packet& packet, std::size_t& at) {
  const std::vector<std::uint64_t>& payload = packet.payload.slots();
  const std::size_t wanted = kPacketHeader + payload.size();
  if (results_.size() - at < wanted) {
    if (at > 0) return false;
    make_results(std::max(results_.size() * 2, wanted));
  }
  if (!cancels_.empty() && packet.kind <= PacketKind::kError) cancels_.erase(packet.call);
  const Handle handle = packet.object ? keep(std::move(packet.object), packet.owner) : packet.handle;
  const double header[kPacketHeader] = {static_cast<double>(packet.call), static_cast<double>(packet.kind),
                                        static_cast<double>(handle), static_cast<double>(payload.size())};
  std::memcpy(&results_[at], header, sizeof header);
  if (!payload.empty()) std::memcpy(&results_[at + kPacketHeader], payload.data(), payload.size() * sizeof(std::uint64_t));
  at += wanted;
  return true;
}

napi_value Environment::place_alone(Packet& packet) {
  std::size_t at = 0;
  place(packet, at);
  return make_text(env_, packet.payload);
}

void Environment::drain() {
  std::vector<Packet> packets = dispatcher_->take();
  providers_->delivered(packets.size());
  for (auto next = packets.begin(); next != packets.end();) {
    Napi::HandleScope scope(env_);
    std::vector<napi_value> texts;
    for (std::size_t at = 0; next != packets.end() && texts.size() < kTextsAtOnce && place(*next, at); ++next)
      texts.push_back(make_text(env_, next->payload));
    call(deliver_.Value(), texts);
  }
}

void Environment::call(napi_value function, std::span<const napi_value> arguments) {
  napi_value nothing, ignored;
  napi_get_undefined(env_, &nothing);
  if (napi_call_function(env_, nothing, function, arguments.size(), arguments.data(), &ignored) == napi_ok) return;
  // Our own functions throw only when they are wrong, or when the environment is being terminated.
  napi_value error;
  bool pending = false;
  if (napi_is_exception_pending(env_, &pending) == napi_ok && pending &&
      napi_get_and_clear_last_exception(env_, &error) == napi_ok)
    napi_fatal_exception(env_, error);
}

}  // namespace trunkline::node
