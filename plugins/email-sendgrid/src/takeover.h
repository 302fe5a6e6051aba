// Two instances of the provider on one storage.
#pragma once
#include <random>
#include <string>
#include <utility>

#include "trunkline/async_mutex.hpp"
#include "trunkline/custody.hpp"
#include "trunkline/host_client.hpp"

namespace email_sendgrid {

/// Sees to it that an instance has read what another one has handed over: the one before, which still has calls when this one
/// takes over, or the one that took over and failed. A row of the storage names the instance that has read everything; who finds
/// another name there reads again. So nothing but the row is read as long as there is one instance. [any-thread]
class Takeover {
 public:
  Takeover(trunkline::host::StoreClient store, trunkline::CustodyBook& book) : store_(std::move(store)), book_(book) {}
  Takeover(const Takeover&) = delete;

  /// Before a mail that the book does not know is taken for one that nobody has handed over. Errors: kUnavailable.
  trunkline::Task<void> read_others();
  /// Once a handover has been noted, and before the service hears of it: an instance that may not have read it will.
  trunkline::Task<void> make_others_read();

 private:
  trunkline::Task<bool> is_mine();
  trunkline::Task<void> write(std::string name);

  const trunkline::host::StoreClient store_;
  trunkline::CustodyBook& book_;
  const std::string name_ = std::to_string(std::random_device()()) + "-" + std::to_string(std::random_device()());
  trunkline::AsyncMutex reading_;
  bool unread_ = false;  // under reading_: the name is there, and the notes were not read
};

}  // namespace email_sendgrid
