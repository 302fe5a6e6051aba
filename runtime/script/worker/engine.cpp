#include "runtime/script/worker/engine.h"

#include <JavaScriptCore/JavaScript.h>

#include <algorithm>
#include <memory>

// Exported by the library, declared only in a header of its own that is not installed.
extern "C" void JSContextGroupSetExecutionTimeLimit(JSContextGroupRef group, double seconds, bool (*stop)(JSContextRef, void*),
                                                    void* user);

namespace trunkline::script {
namespace {

// The engine writes the head of the function in front of its body.
constexpr int kLinesBefore = 2;

struct StringRelease {
  void operator()(OpaqueJSString* text) const { JSStringRelease(text); }
};
using String = std::unique_ptr<OpaqueJSString, StringRelease>;

String make_string(const std::string& text) { return String(JSStringCreateWithUTF8CString(text.c_str())); }

std::string utf8(JSStringRef text) {
  std::string out(JSStringGetMaximumUTF8CStringSize(text), '\0');
  out.resize(JSStringGetUTF8CString(text, out.data(), out.size()) - 1);
  return out;
}

std::string text_of(JSContextRef context, JSValueRef value) {
  JSValueRef ignored = nullptr;
  const String text(JSValueToStringCopy(context, value, &ignored));
  return text ? utf8(text.get()) : std::string("the script failed");
}

JSValueRef property(JSContextRef context, JSObjectRef object, const char* name) {
  return JSObjectGetProperty(context, object, make_string(name).get(), nullptr);
}

/// One global object, which nobody sees after it.
class Realm {
 public:
  explicit Realm(double seconds) : group_(JSContextGroupCreate()), context_(JSGlobalContextCreateInGroup(group_, nullptr)) {
    JSContextGroupSetExecutionTimeLimit(group_, seconds, stop, this);
  }
  Realm(const Realm&) = delete;
  ~Realm() {
    JSGlobalContextRelease(context_);
    JSContextGroupRelease(group_);
  }
  JSContextRef context() const { return context_; }

  /// The first line of `code` counts as `line`.
  JSValueRef evaluate(const std::string& code, int line) {
    JSValueRef exception = nullptr;
    const JSValueRef value =
        JSEvaluateScript(context_, make_string(code).get(), nullptr, make_string("code").get(), line, &exception);
    if (exception || !value) fail(exception);
    return value;
  }
  [[noreturn]] void fail(JSValueRef exception) {
    if (timed_out_) throw Failure(Failure::Reason::kTimedOut, "The script ran longer than it may.");
    if (!exception) throw Failure(Failure::Reason::kThrew, "the script failed");
    int line = 0;
    if (JSValueIsObject(context_, exception)) {
      const JSValueRef found = property(context_, JSValueToObject(context_, exception, nullptr), "line");
      if (found && JSValueIsNumber(context_, found))
        line = std::max(static_cast<int>(JSValueToNumber(context_, found, nullptr)) - kLinesBefore, 1);
    }
    throw Failure(Failure::Reason::kThrew, text_of(context_, exception), line);
  }

 private:
  static bool stop(JSContextRef, void* user) {
    static_cast<Realm*>(user)->timed_out_ = true;
    return true;
  }

  JSContextGroupRef group_;
  JSGlobalContextRef context_;
  bool timed_out_ = false;
};

}  // namespace

std::string run_script(const std::string& code, const std::string& context_json, double seconds, std::size_t max_result_bytes) {
  Realm realm(seconds);
  JSContextRef context = realm.context();
  JSObjectRef global = JSContextGetGlobalObject(context);
  JSValueRef exception = nullptr;
  const JSValueRef given = JSValueMakeFromJSONString(context, make_string(context_json.empty() ? "{}" : context_json).get());
  if (!given) throw Failure(Failure::Reason::kNoJson, "The context of the script is no JSON.");
  // A function by itself: what the code declares is its own, `return` works, and the code cannot end the function early by a
  // brace.
  const String parameter = make_string("workflowContext");
  const JSStringRef parameters[] = {parameter.get()};
  const JSObjectRef function =
      JSObjectMakeFunction(context, nullptr, 1, parameters, make_string(code).get(), make_string("code").get(), 1, &exception);
  if (!function) realm.fail(exception);
  const JSValueRef arguments[] = {given};
  JSValueRef value = JSObjectCallAsFunction(context, function, nullptr, 1, arguments, &exception);
  if (!value || exception) realm.fail(exception);
  // A promise is kept or broken when the jobs that the script queued have run, which is when the next evaluation has ended.
  JSObjectSetProperty(context, global, make_string("__value").get(), value, kJSPropertyAttributeDontEnum, nullptr);
  realm.evaluate(
      "globalThis.__done = {}; Promise.resolve(__value).then((v) => { __done.value = v; __done.kept = true; },"
      " (e) => { __done.error = e; __done.broken = true; })",
      0);
  const JSObjectRef done = JSValueToObject(context, property(context, global, "__done"), nullptr);
  if (JSValueToBoolean(context, property(context, done, "broken"))) realm.fail(property(context, done, "error"));
  if (!JSValueToBoolean(context, property(context, done, "kept")))
    throw Failure(Failure::Reason::kThrew, "The script returned a promise that nothing will ever keep.");
  value = property(context, done, "value");
  const String json(JSValueCreateJSONString(context, value, 0, &exception));
  if (exception) realm.fail(exception);
  if (!json) return "null";  // undefined, functions
  if (JSStringGetLength(json.get()) > max_result_bytes)
    throw Failure(Failure::Reason::kTooLong, "The result of the script is longer than it may be.");
  return utf8(json.get());
}

}  // namespace trunkline::script
