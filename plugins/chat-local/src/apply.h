// The template behind ChatLocal's writes. Included by chat_local.h.
#pragma once

namespace chat_local {

template <class Build>
Task<void> ChatLocal::apply(std::string resource, ThreadPtr thread, CallOptions options, Build build) {
  bool handed_over = false;
  std::exception_ptr failure;
  auto start = [&](auto done) {
    const std::lock_guard lock(thread->mutex);
    std::optional<Pending> pending;
    try {
      if (thread->broken)
        throw trunkline::Error(trunkline::ErrorCode::kUnavailable, "the thread is being read again", "threadId").with_retry();
      pending = build(*thread);
    } catch (...) {
      return done(trunkline::Result<void>(trunkline::current_error()));
    }
    if (!pending) return done(trunkline::Result<void>{});
    handed_over = true;
    events_.start_changed(std::move(resource), std::move(pending->change), std::move(pending->batch), std::move(options),
                          std::move(done));
  };
  try {
    co_await trunkline::from_callback<void>(std::move(start));
  } catch (...) {
    failure = std::current_exception();
  }
  if (!failure) co_return;
  if (handed_over) thread->broken = true;
  std::rethrow_exception(failure);
}

}  // namespace chat_local
