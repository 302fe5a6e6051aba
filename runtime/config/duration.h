// parse_duration and format_duration, under the name by which configuration code looks for them.
#pragma once
#include "runtime/base/time_text.h"
