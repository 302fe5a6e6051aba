#include "bounce.h"

namespace email_sandbox {

std::string write_bounce(const Bounce& bounce) {
  const std::string boundary = "=_bounce_" + bounce.envelope_id;
  std::string out = "From: Mail Delivery System <mailer-daemon@sandbox.trunkline.test>\r\nTo: <" + bounce.sender +
                    ">\r\nSubject: Undelivered Mail Returned to Sender\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
                    "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"" +
                    boundary + "\"\r\n\r\n";
  out += "--" + boundary + "\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nThe mail to " + bounce.recipient +
         " could not be delivered.\r\n\r\n";
  out += "--" + boundary + "\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; sandbox.trunkline.test\r\n" +
         (bounce.envelope_id.empty() ? "" : "Original-Envelope-Id: " + bounce.envelope_id + "\r\n") +
         "\r\nFinal-Recipient: rfc822; " + bounce.recipient + "\r\nOriginal-Recipient: rfc822; " + bounce.recipient +
         "\r\nAction: failed\r\nStatus: " + bounce.status_code + "\r\nDiagnostic-Code: smtp; 550 " + bounce.status_code + " " +
         bounce.detail + "\r\n\r\n";
  out += "--" + boundary + "\r\nContent-Type: text/rfc822-headers\r\n\r\n" + bounce.headers + "\r\n--" + boundary + "--\r\n";
  return out;
}

}  // namespace email_sandbox
