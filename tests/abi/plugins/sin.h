// The sin of an awkward plugin's configuration, {"sin": "…"}; without one it is good.
#pragma once
#include <string>
#include <string_view>

#include "trunkline/task.hpp"

class Sin {
 public:
  explicit Sin(std::string_view config_json) {
    constexpr std::string_view kKey = "\"sin\":\"";
    const std::size_t at = config_json.find(kKey);
    if (at != std::string_view::npos)
      name_ = config_json.substr(at + kKey.size(), config_json.find('"', at + kKey.size()) - at - kKey.size());
  }
  bool operator==(std::string_view which) const { return name_ == which; }

 private:
  std::string name_;
};

/// An answer that never comes. What waits for it is lost.
inline trunkline::Task<void> never() {
  co_await trunkline::from_callback<void>([](auto done) { new auto(std::move(done)); });
}
