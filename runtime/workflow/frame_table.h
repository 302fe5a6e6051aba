// The frames of a run by number. Numbers grow, so that a list in their order is all the index that is needed; what was let go is
// kept for the next iteration, which needs the same again.
#pragma once
#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace trunkline::workflow {

/// Frame: has a number `id`. Frames stay where they are until they are taken out.
template <typename Frame, typename Id>
class FrameTable {
 public:
  Frame* find(Id id) const {
    const auto at = place(id);
    return at != frames_.end() && at->first == id ? at->second.get() : nullptr;
  }
  Frame& add(Id id, std::unique_ptr<Frame> frame) {
    const auto at = frames_.empty() || frames_.back().first < id ? frames_.end() : place(id);
    if (at != frames_.end() && at->first == id) {
      --gone_;  // its number was used before, and the place is still there
      const auto index = at - frames_.begin();
      frames_[static_cast<std::size_t>(index)].second = std::move(frame);
      return *frames_[static_cast<std::size_t>(index)].second;
    }
    return *frames_.emplace(at, id, std::move(frame))->second;
  }
  /// Null: it is not there.
  std::unique_ptr<Frame> take(Id id) {
    const auto at = place(id);
    if (at == frames_.end() || at->first != id || !at->second) return nullptr;
    const auto index = at - frames_.begin();
    std::unique_ptr<Frame> frame = std::move(frames_[static_cast<std::size_t>(index)].second);
    ++gone_;
    // Empty places go in bulk, so that taking frames out costs the same however many there are.
    if (gone_ > kSlack && gone_ * 2 > frames_.size()) {
      std::erase_if(frames_, [](const Entry& entry) { return !entry.second; });
      gone_ = 0;
    }
    return frame;
  }
  /// In the order of their numbers.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (const Entry& entry : frames_)
      if (entry.second) visit(*entry.second);
  }

 private:
  using Entry = std::pair<Id, std::unique_ptr<Frame>>;
  static constexpr std::size_t kSlack = 16;

  typename std::vector<Entry>::const_iterator place(Id id) const {
    return std::lower_bound(frames_.begin(), frames_.end(), id,
                            [](const Entry& entry, Id wanted) { return entry.first < wanted; });
  }

  std::vector<Entry> frames_;
  std::size_t gone_ = 0;
};

}  // namespace trunkline::workflow
