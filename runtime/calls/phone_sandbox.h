// The virtual phones of a resource, over whatever sandbox exchanges are configured.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "runtime/services/context.h"
#include "runtime/services/resource.h"
#include "trunkline/pstnsandbox.hpp"
#include "trunkline/task.hpp"

namespace trunkline {
class NumberService;
}

namespace trunkline::calls {

/// [any-thread] Several exchanges can stand beside each other; a call is known to the one that made it.
class PhoneSandbox {
 public:
  PhoneSandbox(ServiceContext& context, NumberService& numbers) : context_(context), numbers_(numbers) {}

  /// Oldest first; `phone` empty: of all.
  Task<std::vector<pstnsandbox::PhoneCall>> calls(ResourcePtr resource, std::optional<std::string> phone);
  /// A phone calls a number of the resource. Errors: kInvalidArgument, kNotFound (no such number), kFailedPrecondition (no
  /// sandbox exchange).
  Task<std::string> call(ResourcePtr resource, std::string from, std::string to);
  /// In an answered call. Errors: kInvalidArgument, kNotFound.
  Task<void> press(ResourcePtr resource, std::string leg_id, std::string digits);
  Task<void> speak(ResourcePtr resource, std::string leg_id, std::string text);
  /// Errors: kNotFound.
  Task<void> hang_up(ResourcePtr resource, std::string leg_id);
  /// On every exchange. Errors: kInvalidArgument, kFailedPrecondition.
  Task<void> add_persona(ResourcePtr resource, pstnsandbox::Persona persona);
  Task<std::vector<pstnsandbox::Persona>> personas(ResourcePtr resource);
  Task<void> reset(ResourcePtr resource);

 private:
  template <class Ask>
  Task<void> ask_each(ResourcePtr resource, Ask ask);

  ServiceContext& context_;
  NumberService& numbers_;
};

}  // namespace trunkline::calls
