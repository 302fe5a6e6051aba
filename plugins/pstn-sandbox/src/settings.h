// The plugin's configuration, and what makes a persona sound.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "trunkline/pstnsandbox.hpp"

namespace pstn_sandbox {

using trunkline::Duration;
using trunkline::Time;
using trunkline::pstnsandbox::Persona;

/// Immutable once parsed.
struct Settings {
  Duration word = std::chrono::milliseconds{400};
  /// Those of the configuration, then the built-in ones; the last one matches every number.
  std::vector<Persona> personas;
};

/// Throws kInvalidArgument with the member at fault.
Settings parse_settings(std::string_view config_json);
/// Throws kInvalidArgument; `where` goes before the name of the member at fault.
void check_persona(const Persona& persona, const std::string& where);
/// Throws kInvalidArgument unless these are 1 to 64 of 0-9, A-D, * and #.
void check_digits(std::string_view digits, const std::string& target);
/// Throws kInvalidArgument unless this is UTF-8 text of 1 to 1000 bytes.
void check_speech(std::string_view text, const std::string& target);
bool is_e164(std::string_view number);
/// How long it takes to say this.
Duration length_of(std::string_view text, Duration word);

}  // namespace pstn_sandbox
