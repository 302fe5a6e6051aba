// What one instance of a plugin says of itself, for whoever asks what runs.
#pragma once
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace trunkline::plugin {

/// [any-thread]
class StatusBoard {
 public:
  /// An empty value takes the name away. Throws kInvalidArgument and kResourceExhausted.
  void set(std::string_view name, std::string_view value);
  std::map<std::string, std::string> all() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string, std::less<>> values_;  // guarded by mutex_
};

}  // namespace trunkline::plugin
