// Ids of either side, and how they become each other. Nothing is stored for it: each mapping can be undone.
#pragma once
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace chat_matrix {

/// Users: `8:acs:R_U` is `@acs_8=3aacs=3aR_U:server`, and a Matrix user who is none of ours, `@carol:server`, is
/// `matrix:@carol:server`. Rooms: a thread's id is its room's.
class Names {
 public:
  Names(std::string user_prefix, std::string server_name)
      : prefix_('@' + std::move(user_prefix)), suffix_(':' + std::move(server_name)) {}

  /// nullopt: no Matrix user can have this raw id.
  std::optional<std::string> matrix_user(std::string_view raw_id) const;
  std::string raw_id(std::string_view matrix_user) const;
  /// One that we act for.
  bool is_ours(std::string_view matrix_user) const { return matrix_user.starts_with(prefix_) && matrix_user.ends_with(suffix_); }
  /// The one that is in every room, reads them, and does what no participant may in Matrix.
  std::string bot() const { return prefix_ + "bot" + suffix_; }
  std::string_view localpart(std::string_view ours) const { return ours.substr(1, ours.size() - 1 - suffix_.size()); }

 private:
  std::string prefix_;  // with '@'
  std::string suffix_;  // with ':'
};

/// Room ids are opaque; the few bytes that a thread's id must not have are written as %XX.
std::string thread_of_room(std::string_view room);
std::string room_of_thread(std::string_view thread);
/// All but unreserved characters as %XX, for one segment of a path or one value of a query.
std::string url_part(std::string_view text);
/// 40 hex digits of SHA-256 over the texts, each with its length.
std::string digest(std::initializer_list<std::string_view> texts);
/// 32 random hex digits.
std::string random_name();

}  // namespace chat_matrix
