#include "runtime/services/arm_id.h"

#include <gtest/gtest.h>

namespace trunkline {
namespace {

TEST(ArmIds, AreTakenApartAndPutTogether) {
  const std::string text =
      "/subscriptions/s/resourceGroups/g/providers/Microsoft.Communication/emailServices/mail/domains/contoso.example";
  const auto id = ArmId::parse(text);
  ASSERT_TRUE(id);
  EXPECT_EQ(id->str(), text);
  EXPECT_EQ(id->type(), "Microsoft.Communication/emailServices/domains");
  EXPECT_TRUE(id->is("microsoft.communication/EMAILSERVICES/Domains"));
  EXPECT_EQ(id->name(), "contoso.example");
  EXPECT_EQ(ArmId::parse("//SUBSCRIPTIONS/S/resourcegroups/G/Providers/microsoft.communication/emailservices/MAIL/domains/"
                         "Contoso.Example")
                ->key(),
            id->key());
}

TEST(ArmIds, OthersAreRefused) {
  for (const char* text :
       {"", "/", "/subscriptions/s", "/subscriptions/s/resourceGroups/g/providers/P",
        "/subscriptions/s/resourceGroups/g/providers/P/type", "/subscriptions/s/resourceGroups/g/provider/P/t/n",
        "subscriptions/s/resourceGroups/g/providers/P/t/n/u"})
    EXPECT_FALSE(ArmId::parse(text)) << text;
  EXPECT_FALSE(ArmId::parse(std::string(5000, '/')));
  EXPECT_FALSE(ArmId::parse("/subscriptions/s/resourceGroups/g/providers/P/t/" + std::string(3000, 'n')));
}

}  // namespace
}  // namespace trunkline
