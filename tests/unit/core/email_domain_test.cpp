// Email services and domains: verification on the clock, links, senders and suppressed addresses.
#include <gmock/gmock.h>

#include <filesystem>

#include "runtime/services/arm_id.h"
#include "runtime/services/email_domain_service.h"
#include "tests/unit/core/runtime_fixture.h"

namespace trunkline {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class EmailDomains : public RuntimeTest {
 protected:
  void SetUp() override { open(test_config("[]")); }
  EmailDomainService& email() { return runtime_->email_domains(); }
  EmailServicePtr service(const std::string& name = "mail", const std::string& location = "United States") {
    EmailServiceInfo wanted;
    wanted.subscription = kDefaultSubscription;
    wanted.resource_group = "g";
    wanted.name = name;
    wanted.data_location = location;
    return sync_wait(email().put_service(std::move(wanted))).value;
  }
  EmailDomain domain(const EmailServicePtr& service, const std::string& name,
                     DomainManagement management = DomainManagement::kCustomerManaged) {
    EmailDomainService::DomainSpec spec;
    spec.name = name;
    spec.management = management;
    return sync_wait(email().put_domain(service, std::move(spec))).value;
  }
  EmailDomain managed(const EmailServicePtr& service) {
    return domain(service, "AzureManagedDomain", DomainManagement::kAzureManaged);
  }
  std::string status(const EmailServicePtr& service, const std::string& name, DomainProof proof) {
    return std::string(verification_state(*email().find_domain(*service, name), proof, runtime_->clock().now()).status);
  }
  static std::string id_of(const EmailServicePtr& service, const std::string& domain) {
    return arm_id(service->subscription, service->resource_group, "Microsoft.Communication",
                  {{"emailServices", service->name}, {"domains", domain}})
        .str();
  }
  void link(const std::vector<std::string>& ids) {
    email().check_links(*resource_, ids);
    UniqueFunction<void(Resource&)> change = [ids](Resource& r) { r.arm.linked_domains = ids; };
    resource_ = sync_wait(runtime_->resources().update("world", std::move(change)));
  }
  template <class F>
  static std::string code_of(F f) {
    try {
      f();
    } catch (const Error& error) {
      return error.service_code;
    }
    return "none";
  }
};

TEST_F(EmailDomains, AManagedDomainIsReadyAtOnce) {
  const auto mail = service();
  const EmailDomain d = managed(mail);
  EXPECT_TRUE(is_verified(d, runtime_->clock().now()));
  EXPECT_TRUE(d.from_domain.ends_with(".mail.trunkline.test"));
  ASSERT_EQ(email().senders(*mail, "azuremanageddomain").size(), 1u);
  EXPECT_EQ(email().senders(*mail, d.name)[0].username, "DoNotReply");
  EXPECT_EQ(managed(mail).from_domain, d.from_domain) << "putting it again changes nothing";
}

TEST_F(EmailDomains, VerificationMovesWithTheClock) {
  const auto mail = service();
  domain(mail, "contoso.example");
  const auto verify = [&](bool cancel) {
    return code_of([&] { sync_wait(email().verify_domain(mail, "contoso.example", DomainProof::kSpf, cancel)); });
  };
  EXPECT_EQ(status(mail, "contoso.example", DomainProof::kSpf), "NotStarted");
  EXPECT_EQ(verify(true), "InvalidVerificationState") << "nothing to cancel";
  EXPECT_EQ(verify(false), "none");
  EXPECT_EQ(status(mail, "contoso.example", DomainProof::kSpf), "VerificationRequested");
  EXPECT_EQ(status(mail, "contoso.example", DomainProof::kDkim), "NotStarted");
  EXPECT_EQ(verify(false), "InvalidVerificationState") << "it is under way";
  advance(1s);
  EXPECT_EQ(status(mail, "contoso.example", DomainProof::kSpf), "VerificationInProgress");
  EXPECT_EQ(verify(true), "none");
  EXPECT_EQ(status(mail, "contoso.example", DomainProof::kSpf), "CancellationRequested");
  advance(1s);
  EXPECT_EQ(status(mail, "contoso.example", DomainProof::kSpf), "NotStarted");
  EXPECT_EQ(verify(false), "none");
  advance(5s);
  EXPECT_EQ(status(mail, "contoso.example", DomainProof::kSpf), "Verified");
  EXPECT_EQ(verify(true), "InvalidVerificationState");
}

TEST_F(EmailDomains, ANameThatCannotExistFails) {
  const auto mail = service();
  domain(mail, "contoso.invalid");
  sync_wait(email().verify_domain(mail, "CONTOSO.invalid", DomainProof::kDomain, false));
  advance(5s);
  const auto d = email().find_domain(*mail, "contoso.invalid");
  EXPECT_EQ(verification_state(*d, DomainProof::kDomain, runtime_->clock().now()).error_code, "DnsRecordNotFound");
  EXPECT_EQ(code_of([&] { sync_wait(email().verify_domain(mail, "contoso.invalid", DomainProof::kDomain, false)); }), "none")
      << "it may be tried again";
}

TEST_F(EmailDomains, OnlyVerifiedDomainsOfTheSameGeographyAreLinked) {
  const auto mail = service(), europe = service("eu-mail", "Europe");
  managed(mail);
  managed(europe);
  domain(mail, "contoso.example");
  const auto check = [&](std::vector<std::string> ids) { return code_of([&] { email().check_links(*resource_, ids); }); };
  EXPECT_EQ(check({id_of(mail, "AzureManagedDomain")}), "none");
  EXPECT_EQ(check({id_of(mail, "contoso.example")}), "DomainValidationError");
  EXPECT_EQ(check({id_of(mail, "missing.example")}), "DomainValidationError");
  EXPECT_EQ(check({id_of(europe, "AzureManagedDomain")}), "DomainValidationError");
  EXPECT_EQ(check({id_of(mail, "AzureManagedDomain"), id_of(mail, "azuremanageddomain")}), "DomainValidationError");
  EXPECT_EQ(check({"nonsense"}), "DomainValidationError");
  EXPECT_EQ(check(std::vector<std::string>(101, "x")), "TooManyLinkedDomains");
  for (const DomainProof proof : {DomainProof::kDomain, DomainProof::kSpf, DomainProof::kDkim, DomainProof::kDkim2})
    sync_wait(email().verify_domain(mail, "contoso.example", proof, false));
  advance(5s);
  EXPECT_EQ(check({id_of(mail, "contoso.example")}), "none") << "DMARC is optional";
}

TEST_F(EmailDomains, ASenderIsFoundThroughTheLinks) {
  using Verdict = SenderLookup::Verdict;
  const auto mail = service();
  const EmailDomain d = managed(mail);
  const auto verdict = [&](const std::string& address) { return email().look_up_sender(*resource_, address).verdict; };
  EXPECT_EQ(verdict("donotreply@" + d.from_domain), Verdict::kDomainNotLinked);
  link({id_of(mail, "AzureManagedDomain")});
  EXPECT_EQ(verdict("DONOTREPLY@" + d.from_domain), Verdict::kAllowed);
  EXPECT_EQ(verdict("billing@" + d.from_domain), Verdict::kUnknownUsername);
  EXPECT_EQ(verdict("billing@elsewhere.example"), Verdict::kDomainNotLinked);
  EXPECT_EQ(verdict("nonsense"), Verdict::kDomainNotLinked);
  EmailSender sender;
  sender.username = "billing";
  sender.display_name = "Billing";
  EXPECT_TRUE(sync_wait(email().put_sender(mail, d.name, sender)).created);
  EXPECT_FALSE(sync_wait(email().put_sender(mail, d.name, sender)).created);
  EXPECT_EQ(email().look_up_sender(*resource_, "billing@" + d.from_domain).sender.display_name, "Billing");
  EXPECT_EQ(code_of([&] { sync_wait(email().remove_domain(mail, d.name)); }), "DomainLinked");
  link({});
  EXPECT_TRUE(sync_wait(email().remove_domain(mail, d.name)));
  EXPECT_FALSE(sync_wait(email().remove_domain(mail, d.name)));
  EXPECT_THAT(email().senders(*mail, d.name), IsEmpty());
}

TEST_F(EmailDomains, SuppressedAddressesAreThoseOfTheSenderOrTheDomain) {
  const auto mail = service();
  const EmailDomain d = managed(mail);
  link({id_of(mail, d.name)});
  const auto put = [&](const char* list, const char* owner, const char* address) {
    SuppressionList l;
    l.name = list;
    l.list_name = owner;
    sync_wait(email().put_list(mail, d.name, l));
    SuppressedAddress a;
    a.id = "a1";
    a.email = address;
    sync_wait(email().put_address(mail, d.name, list, a));
  };
  put("all", "", "nobody@contoso.example");
  put("news", "newsletter", "reader@contoso.example");
  const SenderLookup sender = email().look_up_sender(*resource_, "donotreply@" + d.from_domain);
  EXPECT_TRUE(email().is_suppressed(sender, "NOBODY@contoso.example"));
  EXPECT_FALSE(email().is_suppressed(sender, "reader@contoso.example")) << "another sender's list";
  EXPECT_FALSE(email().is_suppressed(sender, "friend@contoso.example"));
  EXPECT_TRUE(sync_wait(email().remove_list(mail, d.name, "all")));
  EXPECT_FALSE(email().is_suppressed(sender, "nobody@contoso.example"));
  EXPECT_THAT(email().addresses(*mail, d.name, "all"), IsEmpty());
}

TEST_F(EmailDomains, BadNamesAreRefused) {
  const auto mail = service();
  EXPECT_EQ(code_of([&] { service("a b"); }), "InvalidResourceName");
  EXPECT_EQ(code_of([&] { service("x", "Atlantis"); }), "InvalidDataLocation");
  EXPECT_EQ(code_of([&] { service("mail", "Europe"); }), "PropertyChangeNotAllowed");
  for (const char* name : {"nodot", "-a.example", "a..example", "a b.example", "AzureManagedDomain"})
    EXPECT_EQ(code_of([&] { domain(mail, name); }), "InvalidDomainName") << name;
  EXPECT_EQ(code_of([&] { domain(mail, "contoso.example", DomainManagement::kAzureManaged); }), "InvalidDomainName");
  managed(mail);
  EXPECT_EQ(code_of([&] { sync_wait(email().remove_service(mail)); }), "CannotDeleteResource");
  EXPECT_EQ(code_of([&] {
              sync_wait(email().put_sender(mail, "AzureManagedDomain", {"a b", "", {}, {}}));
            }),
            "InvalidSenderUserName");
  EXPECT_EQ(code_of([&] {
              sync_wait(email().put_sender(mail, "missing.example", {"a", "", {}, {}}));
            }),
            "ParentResourceNotFound");
}

TEST_F(EmailDomains, SmtpUsernamesGoWithTheResource) {
  SmtpUsername relay;
  relay.name = "relay";
  relay.username = "relay@contoso.example";
  EXPECT_TRUE(sync_wait(email().put_smtp_username(resource_, relay)).created);
  relay.name = "other";
  EXPECT_THROW(sync_wait(email().put_smtp_username(resource_, relay)), Error) << "the username is taken";
  const auto fork = sync_wait(runtime_->resources().fork("world", "copy"));
  EXPECT_TRUE(email().find_smtp_username(*fork, "RELAY"));
  EXPECT_TRUE(sync_wait(email().remove_smtp_username(resource_, "relay")));
  EXPECT_FALSE(email().find_smtp_username(*resource_, "relay"));
  EXPECT_TRUE(email().find_smtp_username(*fork, "relay"));
}

TEST_F(EmailDomains, EverythingSurvivesARestartInItsGeography) {
  const auto directory = std::filesystem::path(testing::TempDir()) / ("trunkline_email_" + std::to_string(::getpid()));
  std::filesystem::remove_all(directory);
  const std::string yaml = test_config("[]") + "store: {mode: file, path: '" + (directory / "home").string() +
                           "', locations: {Europe: {path: '" + (directory / "eu").string() + "'}}}\n";
  runtime_->close();
  open(yaml);
  const auto mail = service("mail", "Europe");
  EXPECT_NE(mail->database, resource_->database);
  domain(mail, "contoso.example");
  sync_wait(email().verify_domain(mail, "contoso.example", DomainProof::kSpf, false));
  runtime_->close();
  runtime_.reset();
  open(yaml);
  advance(5s);
  const auto again = email().find_service(kDefaultSubscription, "G", "MAIL");
  ASSERT_TRUE(again);
  EXPECT_EQ(status(again, "contoso.example", DomainProof::kSpf), "Verified");
  runtime_->close();
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace trunkline
