#include "status.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace smpp {
namespace {

using trunkline::sms::FailureReason;

// Sorted by status.
constexpr std::array<StatusMeaning, 47> kMeanings = {{
    {0x00, "ESME_ROK", FailureReason::kNone, false},
    {0x01, "ESME_RINVMSGLEN", FailureReason::kUnspecified, false},
    {0x02, "ESME_RINVCMDLEN", FailureReason::kUnspecified, false},
    {0x03, "ESME_RINVCMDID", FailureReason::kUnspecified, false},
    {0x04, "ESME_RINVBNDSTS", FailureReason::kTemporary, true},
    {0x05, "ESME_RALYBND", FailureReason::kTemporary, true},
    {0x06, "ESME_RINVPRTFLG", FailureReason::kUnspecified, false},
    {0x07, "ESME_RINVREGDLVFLG", FailureReason::kUnspecified, false},
    {0x08, "ESME_RSYSERR", FailureReason::kTemporary, true},
    {0x0A, "ESME_RINVSRCADR", FailureReason::kBadSender, false},
    {0x0B, "ESME_RINVDSTADR", FailureReason::kBadDestination, false},
    {0x0C, "ESME_RINVMSGID", FailureReason::kUnspecified, false},
    {0x0D, "ESME_RBINDFAIL", FailureReason::kTemporary, true},
    {0x0E, "ESME_RINVPASWD", FailureReason::kTemporary, true},
    {0x0F, "ESME_RINVSYSID", FailureReason::kTemporary, true},
    {0x11, "ESME_RCANCELFAIL", FailureReason::kUnspecified, false},
    {0x13, "ESME_RREPLACEFAIL", FailureReason::kUnspecified, false},
    {0x14, "ESME_RMSGQFUL", FailureReason::kTemporary, true},
    {0x15, "ESME_RINVSERTYP", FailureReason::kUnspecified, false},
    {0x33, "ESME_RINVNUMDESTS", FailureReason::kUnspecified, false},
    {0x34, "ESME_RINVDLNAME", FailureReason::kUnspecified, false},
    {0x40, "ESME_RINVDESTFLAG", FailureReason::kUnspecified, false},
    {0x42, "ESME_RINVSUBREP", FailureReason::kUnspecified, false},
    {0x43, "ESME_RINVESMCLASS", FailureReason::kUnspecified, false},
    {0x44, "ESME_RCNTSUBDL", FailureReason::kUnspecified, false},
    {0x45, "ESME_RSUBMITFAIL", FailureReason::kTemporary, true},
    {0x48, "ESME_RINVSRCTON", FailureReason::kBadSender, false},
    {0x49, "ESME_RINVSRCNPI", FailureReason::kBadSender, false},
    {0x50, "ESME_RINVDSTTON", FailureReason::kBadDestination, false},
    {0x51, "ESME_RINVDSTNPI", FailureReason::kBadDestination, false},
    {0x53, "ESME_RINVSYSTYP", FailureReason::kTemporary, true},
    {0x54, "ESME_RINVREPFLAG", FailureReason::kUnspecified, false},
    {0x55, "ESME_RINVNUMMSGS", FailureReason::kUnspecified, false},
    {0x58, "ESME_RTHROTTLED", FailureReason::kOverQuota, true},
    {0x61, "ESME_RINVSCHED", FailureReason::kUnspecified, false},
    {0x62, "ESME_RINVEXPIRY", FailureReason::kUnspecified, false},
    {0x63, "ESME_RINVDFTMSGID", FailureReason::kUnspecified, false},
    {0x64, "ESME_RX_T_APPN", FailureReason::kTemporary, true},
    {0x65, "ESME_RX_P_APPN", FailureReason::kBlocked, false},
    {0x66, "ESME_RX_R_APPN", FailureReason::kBlocked, false},
    {0x67, "ESME_RQUERYFAIL", FailureReason::kUnspecified, false},
    {0xC0, "ESME_RINVOPTPARSTREAM", FailureReason::kUnspecified, false},
    {0xC1, "ESME_ROPTPARNOTALLWD", FailureReason::kUnspecified, false},
    {0xC2, "ESME_RINVPARLEN", FailureReason::kUnspecified, false},
    {0xC3, "ESME_RMISSINGOPTPARAM", FailureReason::kUnspecified, false},
    {0xC4, "ESME_RINVOPTPARAMVAL", FailureReason::kUnspecified, false},
    {0xFF, "ESME_RUNKNOWNERR", FailureReason::kUnspecified, true},
}};
constexpr StatusMeaning kUnknown = {0xFFFFFFFF, "", FailureReason::kUnspecified, false};

}  // namespace

const StatusMeaning& meaning_of(std::uint32_t status) {
  const auto found = std::lower_bound(kMeanings.begin(), kMeanings.end(), status,
                                      [](const StatusMeaning& entry, std::uint32_t wanted) { return entry.status < wanted; });
  return found != kMeanings.end() && found->status == status ? *found : kUnknown;
}

std::string status_code(std::uint32_t status) {
  char digits[16];
  std::snprintf(digits, sizeof digits, "0x%08X", status);
  std::string code = digits;
  if (const std::string_view name = meaning_of(status).name; !name.empty()) code.append(" ").append(name);
  return code;
}

bool is_throttling(std::uint32_t status) { return status == status::kThrottled || status == status::kQueueFull; }

}  // namespace smpp
