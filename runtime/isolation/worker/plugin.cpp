#include "runtime/isolation/worker/plugin.h"

#include <unistd.h>

#include <cstring>

#include "runtime/isolation/worker/confine.h"
#include "runtime/plugin/loader.h"
#include "trunkline/errors.hpp"
#include "wire/codec.h"

namespace trunkline::isolation {
namespace {

using remote::Frame;
using remote::FrameType;

constexpr std::uint32_t kMaxInterfaces = 1'000;
constexpr std::uint32_t kCreateOperation = 0, kStopOperation = 1, kDestroyOperation = 2;

/// Keeps what one @sync operation answers, instead of sending it.
class Capture final : public remote::Peer {
 public:
  Capture(abi::Errors errors, Link& link) : Peer(errors), link_(link) {}
  bool answered() const { return answered_; }
  const std::string& frame() const { return frame_; }

 private:
  void transmit(std::string_view frame) noexcept override {
    if (!std::exchange(answered_, true)) frame_ = frame;
  }
  void misused(std::string_view kind, std::string_view operation, std::string_view detail) noexcept override {
    link_.report_misuse(kind, operation, detail);
  }
  void control(Frame&&) override {}

  Link& link_;
  bool answered_ = false;
  std::string frame_;
};

}  // namespace

Wanted read_wanted(const Frame& frame) {
  if (frame.head.type != FrameType::kCreate)
    throw Error(ErrorCode::kDataLoss, "a connection that does not begin with a greeting");
  abi::Arena arena;
  wire::Reader reader(frame.body, arena);
  if (reader.number<std::uint64_t>() != wire::kFingerprint)
    throw Error(ErrorCode::kFailedPrecondition, "the program trunkline-plugin-host is of another version than the runtime");
  Wanted out;
  out.library = reader.text();
  out.id = reader.text();
  out.provider = reader.text();
  out.config_json = reader.text();
  out.host_abi = reader.number<std::uint32_t>();
  out.memory_bytes = reader.number<std::uint64_t>();
  out.open_files = reader.number<std::uint32_t>();
  out.owns_threads = reader.number<std::uint8_t>() != 0;
  const auto count = reader.number<std::uint32_t>();
  if (count > kMaxInterfaces) throw Error(ErrorCode::kDataLoss, "too many interfaces");
  for (std::uint32_t i = 0; i < count; ++i) out.interfaces.emplace_back(reader.text());
  const auto offered = reader.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < offered; ++i) {
    out.offered.push_back(reader.number<std::uint32_t>());
    if (out.offered.back() >= wire::interfaces().size()) throw Error(ErrorCode::kDataLoss, "an unknown interface");
  }
  reader.end();
  return out;
}

/// One service of the host.
struct HostedPlugin::HostTarget final : wire::Caller {
  HostTarget(Link& l, std::size_t i) : link(l), index(i) {}
  void begin(const wire::Operation& operation, const tl_call* call, const void* const* arguments, wire::AnyDone done,
             void* user) noexcept override {
    link.begin(index, operation, call, arguments, done, user);
  }
  Link& link;
  const std::size_t index;
};

HostedPlugin::HostedPlugin(std::shared_ptr<Link> link, Wanted wanted) : link_(std::move(link)), wanted_(std::move(wanted)) {
  for (const std::uint32_t target : wanted_.offered) targets_.push_back(std::make_unique<HostTarget>(*link_, target));
  host_.struct_size = sizeof host_;
  host_.abi = wanted_.host_abi;
  host_.ctx = this;
  host_.get_interface = [](void* context, tl_str id) noexcept -> tl_iface {
    const auto& self = *static_cast<const HostedPlugin*>(context);
    const std::string_view wanted_id(id.data ? id.data : "", id.size);
    for (const auto& target : self.targets_) {
      const wire::Interface& interface = *wire::interfaces()[target->index];
      if (wanted_id == interface.id) return {static_cast<wire::Caller*>(target.get()), interface.vtbl};
    }
    return {nullptr, nullptr};
  };
  ErrorHost::install(host_);
}

HostedPlugin::~HostedPlugin() = default;

void HostedPlugin::make() {
  plugin::Manifest manifest;
  manifest.id = wanted_.id;
  manifest.library = wanted_.library;
  entry_ = plugin::load_library(manifest);
  limit_resources(wanted_.memory_bytes, wanted_.open_files);
  filter_calls(wanted_.owns_threads);
  tl_error* error = nullptr;
  link_->enter_lifecycle(kCreateOperation);
  const std::int32_t code = entry_->create(&host_, {wanted_.config_json.data(), wanted_.config_json.size()}, &plugin_, &error);
  link_->leave_lifecycle();
  if (code != 0) {
    if (!error) throw Error(ErrorCode::kFailedPrecondition, "create failed with code " + std::to_string(code) + " and no error");
    throw ErrorHost::take(error);
  }
  ErrorHost::error_free(nullptr, error);
  if (!plugin_)
    throw Error(ErrorCode::kFailedPrecondition, "found success without an instance out of create, wanted an instance");
}

bool HostedPlugin::create() {
  std::string frame;
  bool made = false;
  try {
    make();
    frame = created_frame();
    made = true;
    made_.store(true, std::memory_order_release);
  } catch (...) {
    const Error why = current_error();
    remote::begin_frame(frame);
    wire::Writer(frame).error(why);
    remote::end_frame(frame, FrameType::kRefused);
  }
  link_->transmit(frame);
  link_->drain();
  return made;
}

std::string HostedPlugin::created_frame() {
  std::string frame, body;
  remote::begin_frame(frame);
  wire::Writer all(body);
  std::uint32_t count = 0;
  for (std::uint32_t index = 0; index < wire::interfaces().size(); ++index) {
    const wire::Interface& interface = *wire::interfaces()[index];
    bool listed = false;
    for (const std::string& id : wanted_.interfaces) listed |= id == interface.id;
    if (!listed) continue;
    const tl_iface object = entry_->get_interface(plugin_, {interface.id, std::strlen(interface.id)});
    if (!object.vtbl) continue;
    ++count;
    link_->offer(index, object);
    std::uint32_t size = 0;
    std::memcpy(&size, object.vtbl, sizeof size);
    all.number(index);
    all.number(size);
    const auto has_slot = [&](const wire::Operation& operation) {
      void* slot = nullptr;
      if (size >= operation.slot + sizeof slot)
        std::memcpy(&slot, static_cast<const char*>(object.vtbl) + operation.slot, sizeof slot);
      return slot != nullptr;
    };
    for (const wire::Operation& operation : interface.operations) all.number(static_cast<std::uint8_t>(has_slot(operation)));
    std::string constants;
    wire::Writer writer(constants);
    std::uint32_t known = 0;
    for (const wire::Operation& operation : interface.operations) {
      if (!operation.sync || !operation.parameters.empty() || !has_slot(operation)) continue;
      const auto capture = std::make_shared<Capture>(link_->errors(), *link_);
      remote::Incoming& call = remote::IncomingPool::instance().acquire();
      call.peer = capture;
      call.operation = &operation;
      operation.invoke(object.vtbl, object.self, nullptr, nullptr, remote::IncomingPool::handle(call));
      ++known;
      writer.number(operation.index);
      if (!capture->answered()) {
        link_->report_misuse("not_synchronous", operation.name, {});
        writer.number(remote::kReplyError);
        std::string error;
        wire::Writer(error).error(
            Error(ErrorCode::kInternal, "returned from " + std::string(operation.name) + " before it had completed"));
        writer.text(error);
        continue;
      }
      remote::FrameHead head;
      std::memcpy(&head, capture->frame().data(), sizeof head);
      writer.number(head.operation);
      writer.text(std::string_view(capture->frame()).substr(sizeof head));
    }
    all.number(known);
    body += constants;
  }
  wire::Writer(frame).number(count);
  frame += body;
  remote::end_frame(frame, FrameType::kCreated);
  return frame;
}

void HostedPlugin::stop() {
  // A host stops what it was told of; one that does so before breaks the rules, and ends us.
  if (!made_.load(std::memory_order_acquire)) throw Error(ErrorCode::kDataLoss, "a stop before the instance was made");
  link_->enter_lifecycle(kStopOperation);
  entry_->stop(
      plugin_,
      [](void* user) {
        auto* const self = static_cast<HostedPlugin*>(user);
        on_host_gone([self] {
          self->link_->enter_lifecycle(kDestroyOperation);
          self->entry_->destroy(self->plugin_);
        });
        self->link_->transmit(remote::bare_frame(FrameType::kStopped));
        self->link_->flush();
      },
      this);
  link_->leave_lifecycle();
}

}  // namespace trunkline::isolation
