// Links in tracked mail: what becomes of a page, and what a token holds.
#include "runtime/services/email_tracking.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trunkline {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kBase = "http://here.test/";

EmailLink link() {
  EmailLink link;
  link.resource_key = 7;
  link.operation_id = "11111111-1111-4111-8111-111111111111";
  link.position = 2;
  return link;
}
std::string tracked(std::string_view html) { return EmailTracking::track_html(html, kBase, "secret", link()); }

TEST(EmailTracking, LeadsWebLinksThroughUs) {
  for (const char* html : {"<a href=\"https://example.com/\">x</a>", "<A  class='b' HREF='http://example.com/'>x</A>",
                           "<a\nhref = \"https://example.com/?a=1&amp;b=2\">x</a>"}) {
    EXPECT_THAT(tracked(html), HasSubstr("http://here.test/_mail/click/")) << html;
    EXPECT_THAT(tracked(html), Not(HasSubstr("example.com"))) << html;
  }
}

TEST(EmailTracking, LeavesOtherLinksAlone) {
  for (const char* html :
       {"<a href=\"mailto:a@b.test\">x</a>", "<a href=\"#top\">x</a>", "<a href=https://example.com>x</a>", "<a name=\"x\">",
        "<abbr href=\"https://example.com/\">", "<a data-href=\"https://example.com/\">", "<a href=\"https://example.com/"}) {
    EXPECT_THAT(tracked(html), StartsWith(html)) << html;
    EXPECT_THAT(tracked(html), Not(HasSubstr("_mail/click/"))) << html;
  }
}

TEST(EmailTracking, ThePictureStandsAtTheEndOfTheBody) {
  EXPECT_THAT(tracked("<body>x</BODY></html>"),
              EndsWith("\" width=\"1\" height=\"1\" alt=\"\" style=\"display:block\"></BODY></html>"));
  EXPECT_THAT(tracked("x"), StartsWith("x<img src=\"http://here.test/_mail/open/"));
}

TEST(EmailTracking, TokensOfTwoSecretsDiffer) {
  EXPECT_NE(EmailTracking::token("a", link()), EmailTracking::token("b", link()));
  EmailLink other = link();
  other.position = 3;
  EXPECT_NE(EmailTracking::token("a", link()), EmailTracking::token("a", other));
}

}  // namespace
}  // namespace trunkline
