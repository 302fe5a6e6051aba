// HTML of chat messages: what runs is removed, what formats stays.
#pragma once
#include <string>
#include <string_view>

namespace trunkline {

/// The text with only known elements and attributes left, every other `<` escaped or dropped with its tag, and the content of
/// elements such as script and style dropped too. Takes time in proportion to the text; never fails. What it returns is a fixed
/// point: sanitizing it again changes nothing.
std::string sanitize_html(std::string_view html);

}  // namespace trunkline
