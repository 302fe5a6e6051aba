#include "causes.h"

#include <charconv>

namespace pstn_sip {

std::int32_t cause_of_status(int status) {
  switch (status) {
    case 404:
    case 485:
    case 604:
      return 1;  // unallocated number
    case 401:
    case 402:
    case 403:
    case 407:
    case 603:
    case 607:
      return kCauseRejected;
    case 408:
      return kCauseTimer;
    case 410:
      return 22;  // number changed
    case 420:
    case 421:
    case 423:
    case 505:
    case 513:
      return 127;  // interworking
    case 480:
      return 18;  // no user responding
    case 481:
    case 500:
    case 503:
      return kCauseTemporary;
    case 482:
    case 483:
      return 25;  // exchange routing error
    case 484:
      return 28;  // incomplete number
    case 486:
    case 600:
      return kCauseBusy;
    case 487:
      return kCauseNormal;
    case 488:
    case 606:
      return kCauseIncompatible;
    case 502:
      return 38;  // network out of order
    case 504:
      return kCauseTimer;
    default:
      return status >= 200 && status < 300 ? kCauseNormal : 31;
  }
}

int status_of_cause(std::int32_t cause) {
  switch (cause) {
    case 1:
    case 2:
    case 3:
      return 404;
    case kCauseBusy:
      return 486;
    case 18:
      return 408;
    case kCauseNoAnswer:
    case 20:
      return 480;
    case kCauseRejected:
      return 603;
    case 22:
      return 410;
    case 27:
      return 502;
    case 28:
      return 484;
    case 34:
    case 38:
    case kCauseTemporary:
    case 42:
      return 503;
    case kCauseIncompatible:
      return 488;
    case kCauseTimer:
      return 504;
    default:
      return 480;
  }
}

std::optional<std::int32_t> cause_of_reason(std::string_view reason) {
  const std::size_t protocol = reason.find("Q.850");
  if (protocol == reason.npos) return std::nullopt;
  std::size_t at = reason.find("cause", protocol);
  if (at == reason.npos) return std::nullopt;
  at = reason.find_first_not_of(" =", at + 5);
  if (at == reason.npos) return std::nullopt;
  std::int32_t cause = 0;
  const auto [end, error] = std::from_chars(reason.data() + at, reason.data() + reason.size(), cause);
  if (error != std::errc() || cause < 1 || cause > 127) return std::nullopt;
  return cause;
}

bool is_trunk_failure(int status) {
  return status == 408 || status == 430 || status == 500 || status == 502 || status == 503 || status == 504 || status >= 900;
}

}  // namespace pstn_sip
