// The functions that JavaScript sees. node/trunkline/lib/native.cjs is the only caller: no argument is checked here.
#include <napi.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "support/call.hpp"
#include "support/environment.hpp"
#include "support/runtime.hpp"
#include "trunkline/expression.h"

namespace trunkline::node {
namespace {

Environment& environment(const Napi::CallbackInfo& info) { return Environment::of(info.Env()); }
std::uint32_t number(const Napi::CallbackInfo& info, std::size_t at) { return info[at].As<Napi::Number>().Uint32Value(); }
std::string text(const Napi::CallbackInfo& info, std::size_t at) { return info[at].As<Napi::String>().Utf8Value(); }

void init(const Napi::CallbackInfo& info) {
  environment(info).use_callbacks(info[0].As<Napi::Function>(), info[1].As<Napi::Function>());
}
void arguments(const Napi::CallbackInfo& info) { environment(info).use_arguments(info[0].As<Napi::ArrayBuffer>()); }

// start and run are plain Node-API: the wrapper's argument handling would cost a tenth of a call.
napi_value start(napi_env env, napi_callback_info info) {
  std::size_t count = 1;
  napi_value text;
  napi_get_cb_info(env, info, &count, &text, nullptr, nullptr);
  return Environment::of(env).start(text);
}
napi_value run(napi_env env, napi_callback_info info) {
  std::size_t count = 1;
  napi_value text;
  napi_get_cb_info(env, info, &count, &text, nullptr, nullptr);
  return Environment::of(env).run(text);
}

void cancel(const Napi::CallbackInfo& info) { environment(info).cancel(number(info, 0)); }
void ref(const Napi::CallbackInfo& info) { environment(info).dispatcher()->ref(info.Env()); }
void unref(const Napi::CallbackInfo& info) { environment(info).dispatcher()->unref(info.Env()); }

/// Something to do on another thread.
class Work {
 public:
  virtual ~Work() = default;
  virtual void operator()(const Reply& reply) = 0;
};
using UniqueWork = std::unique_ptr<Work>;
template <class F>
UniqueWork work_of(F function) {
  class Of final : public Work {
   public:
    explicit Of(F function) : function_(std::move(function)) {}
    void operator()(const Reply& reply) override { function_(reply); }

   private:
    F function_;
  };
  return std::make_unique<Of>(std::move(function));
}

/// Opening and closing a runtime block, so they happen on a thread of libuv's pool, which Node.js waits for before it tears an
/// environment down.
class BlockingWork final : public Napi::AsyncWorker {
 public:
  /// `work` replies.
  BlockingWork(Napi::Env env, Reply reply, UniqueWork work)
      : AsyncWorker(env, "trunkline"), reply_(std::move(reply)), work_(std::move(work)) {}

 protected:
  void Execute() override {
    try {
      (*work_)(reply_);
    } catch (...) {
      reply_.fail(current_error());
    }
    work_.reset();
  }

 private:
  Reply reply_;
  UniqueWork work_;
};

void begin(const Napi::CallbackInfo& info, std::size_t call_at, UniqueWork work) {
  const Reply reply(environment(info).dispatcher(), number(info, call_at), kNoHandle);
  (new BlockingWork(info.Env(), reply, std::move(work)))->Queue();
}

/// A plugin of the application: (number, id, manifest) from `at` on.
struct Plugin {
  Plugin(const Napi::CallbackInfo& info, std::size_t at)
      : hub(environment(info).providers()), plugin(number(info, at)), id(text(info, at + 1)), manifest(text(info, at + 2)) {}
  tl_app_plugin make() const { return app_plugin(hub, plugin, id, manifest); }

  std::shared_ptr<ProviderHub> hub;
  std::uint32_t plugin;
  std::string id, manifest;
};

/// (configuration, its file, call, then three for each plugin)
void open(const Napi::CallbackInfo& info) {
  std::vector<Plugin> plugins;
  for (std::size_t at = 3; at + 2 < info.Length(); at += 3) plugins.emplace_back(info, at);
  begin(info, 2, work_of([config = text(info, 0), file = text(info, 1), plugins = std::move(plugins)](const Reply& reply) {
          std::vector<tl_app_plugin> apps;
          for (const Plugin& plugin : plugins) apps.push_back(plugin.make());
          reply.object(RuntimeObject::open(config, file, apps));
        }));
}

/// (runtime, provider as JSON, first, call, plugin)
void add_provider(const Napi::CallbackInfo& info) {
  RuntimeObject* runtime = environment(info).runtime(number(info, 0));
  std::shared_ptr<RuntimeObject::Open> shared = runtime ? runtime->shared() : std::make_shared<RuntimeObject::Open>();
  const bool first = info[2].ToBoolean();
  begin(info, 3, work_of([shared = std::move(shared), item = text(info, 1), first, plugin = Plugin(info, 4)](const Reply& reply) {
          shared->add_provider(plugin.make(), item, first);
          reply(Result<void>());
        }));
}

/// (runtime, provider as JSON, probation and drain in milliseconds, call, plugin)
void replace_provider(const Napi::CallbackInfo& info) {
  RuntimeObject* runtime = environment(info).runtime(number(info, 0));
  std::shared_ptr<RuntimeObject::Open> shared = runtime ? runtime->shared() : std::make_shared<RuntimeObject::Open>();
  const auto ns = [&](std::size_t i) { return static_cast<std::int64_t>(info[i].ToNumber().DoubleValue() * 1e6); };
  begin(info, 4,
        work_of([shared = std::move(shared), item = text(info, 1), probation = ns(2), drain = ns(3),
                 plugin = Plugin(info, 5)](const Reply& reply) {
          shared->replace_provider(plugin.make(), item, probation, drain);
          reply(Result<void>());
        }));
}

/// (options as JSON, call, plugin): the report in three forms.
void conformance(const Napi::CallbackInfo& info) {
  begin(info, 1, work_of([options = text(info, 0), plugin = Plugin(info, 2)](const Reply& reply) {
          reply(Result<std::vector<std::string>>(run_conformance(plugin.make(), options)));
        }));
}

napi_value answer(napi_env env, napi_callback_info info) {
  std::size_t count = 1;
  napi_value text;
  napi_get_cb_info(env, info, &count, &text, nullptr, nullptr);
  Environment::of(env).answer_call(text);
  return nullptr;
}
napi_value created(napi_env env, napi_callback_info info) {
  std::size_t count = 1;
  napi_value text;
  napi_get_cb_info(env, info, &count, &text, nullptr, nullptr);
  Environment::of(env).answer_create(text);
  return nullptr;
}
void drained(const Napi::CallbackInfo& info) {
  if (const auto instance = environment(info).providers()->find(number(info, 0))) instance->drained();
}

void idle(const Napi::CallbackInfo& info) { environment(info).providers()->idle(); }

/// What the objects of a host do not outlive.
class InstanceObject final : public Object {};

/// A handle that owns the objects of an instance's host.
Napi::Value instance(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), environment(info).keep(std::make_unique<InstanceObject>(), kNoHandle));
}
/// (instance, its handle, interface id): a handle, or 0 when the host does not offer it.
Napi::Value host(const Napi::CallbackInfo& info) {
  Environment& self = environment(info);
  std::unique_ptr<Object> object;
  try {
    if (const auto found = self.providers()->find(number(info, 0))) object = found->client(found, text(info, 2));
  } catch (const Error&) {
    // It was stopped: there is nothing to offer.
  }
  return Napi::Number::New(info.Env(), object ? self.keep(std::move(object), number(info, 1)) : kNoHandle);
}

void close(const Napi::CallbackInfo& info) {
  const Reply reply(environment(info).dispatcher(), number(info, 1), kNoHandle);
  std::unique_ptr<Object> runtime = environment(info).take(number(info, 0));
  if (!runtime) return reply(Result<void>());
  begin(info, 1, work_of([runtime = std::move(runtime)](const Reply& done) mutable {
          runtime.reset();
          done(Result<void>());
        }));
}

/// Drops an object. It goes at once, with what it owns.
void release(const Napi::CallbackInfo& info) { environment(info).take(number(info, 0)).reset(); }

/// (runtime, resource or provider, interface id): a handle, or 0 when there is no such thing.
template <std::unique_ptr<Object> (RuntimeObject::*find)(std::string_view, std::string_view)>
Napi::Value acquire(const Napi::CallbackInfo& info) {
  Environment& self = environment(info);
  const Handle owner = number(info, 0);
  RuntimeObject* runtime = self.runtime(owner);
  std::unique_ptr<Object> object = runtime ? (runtime->*find)(text(info, 1), text(info, 2)) : nullptr;
  return Napi::Number::New(info.Env(), object ? self.keep(std::move(object), owner) : kNoHandle);
}

/// (JSON with expressions, JSON of the context): the JSON of the result as text, or an object with what went wrong.
Napi::Value evaluate(const Napi::CallbackInfo& info) {
  struct Outcome {
    Napi::Env env;
    Napi::Value value;
  } outcome{info.Env(), {}};
  const std::string expression = text(info, 0);
  const std::string context = text(info, 1);
  tl_expression_evaluate(
      {expression.data(), expression.size()}, {context.data(), context.size()},
      [](void* user, const tl_str* result, tl_error* error) {
        auto& to = *static_cast<Outcome*>(user);
        if (!error) {
          to.value = Napi::String::New(to.env, result->data, result->size);
          return;
        }
        Napi::Object failure = Napi::Object::New(to.env);
        for (const char* key : {"code", "message", "target", "service_code", "offset", "pointer", "function", "argument"}) {
          const tl_str member = tl_error_get(error, {key, std::char_traits<char>::length(key)});
          if (member.data) failure.Set(key, Napi::String::New(to.env, member.data, member.size));
        }
        tl_error_free(error);
        to.value = failure;
      },
      &outcome);
  return outcome.value;
}

/// The configuration that an empty one means, as YAML.
Napi::Value default_config(const Napi::CallbackInfo& info) {
  const tl_str config = tl_runtime_default_config();
  return Napi::String::New(info.Env(), config.data, config.size);
}

}  // namespace

static Napi::Object load(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData<Environment>(new Environment(env));
  const auto plain = [&](const char* name, napi_callback callback) {
    napi_value function;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
    exports.Set(name, function);
  };
  plain("start", start);
  plain("run", run);
  plain("answer", answer);
  plain("created", created);
  exports.Set("drained", Napi::Function::New<drained>(env, "drained"));
  exports.Set("idle", Napi::Function::New<idle>(env, "idle"));
  exports.Set("instance", Napi::Function::New<instance>(env, "instance"));
  exports.Set("host", Napi::Function::New<host>(env, "host"));
  exports.Set("addProvider", Napi::Function::New<add_provider>(env, "addProvider"));
  exports.Set("replaceProvider", Napi::Function::New<replace_provider>(env, "replaceProvider"));
  exports.Set("conformance", Napi::Function::New<conformance>(env, "conformance"));
  exports.Set("init", Napi::Function::New<init>(env, "init"));
  exports.Set("arguments", Napi::Function::New<arguments>(env, "arguments"));
  exports.Set("cancel", Napi::Function::New<cancel>(env, "cancel"));
  exports.Set("ref", Napi::Function::New<ref>(env, "ref"));
  exports.Set("unref", Napi::Function::New<unref>(env, "unref"));
  exports.Set("open", Napi::Function::New<open>(env, "open"));
  exports.Set("close", Napi::Function::New<close>(env, "close"));
  exports.Set("release", Napi::Function::New<release>(env, "release"));
  exports.Set("service", Napi::Function::New<acquire<&RuntimeObject::service>>(env, "service"));
  exports.Set("evaluate", Napi::Function::New<evaluate>(env, "evaluate"));
  exports.Set("defaultConfig", Napi::Function::New<default_config>(env, "defaultConfig"));
  exports.Set("provider", Napi::Function::New<acquire<&RuntimeObject::provider>>(env, "provider"));
  return exports;
}

}  // namespace trunkline::node

extern "C" {
NAPI_MODULE_EXPORT int32_t node_api_module_get_api_version_v1() { return NAPI_VERSION; }
NAPI_MODULE_EXPORT napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  return Napi::RegisterModule(env, exports, trunkline::node::load);
}
}
