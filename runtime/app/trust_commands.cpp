// trust: the local authority, and the programs that are to trust it.
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/app/commands.h"
#include "runtime/app/local_ca.h"
#include "runtime/app/trust_store.h"
#include "runtime/base/time_text.h"
#include "runtime/clock/system_time.h"

namespace trunkline::app {
namespace {

using nlohmann::json;

struct TrustCommand {
  std::string ca_dir;
  TrustOptions store;
};

int report(const Output& output, const std::vector<TrustResult>& results) {
  bool failed = false;
  for (const TrustResult& result : results) {
    json item;
    item["place"] = result.place;
    item["state"] = result.state;
    if (!result.detail.empty()) item["detail"] = result.detail;
    output.result(item, result.place + "  " + result.state + (result.detail.empty() ? "" : "  " + result.detail));
    failed |= result.state == "failed";
  }
  return failed ? kExitFailed : kExitOk;
}

/// Makes the authority when there is none yet.
std::string certificate_file(const TrustCommand& command) {
  return open_local_ca(command.ca_dir, system_time_now()).certificate_file;
}

int show_status(const Output& output, TrustCommand& command) {
  const LocalCa ca = open_local_ca(command.ca_dir, system_time_now());
  const crypto::CertificateFacts facts = crypto::certificate_facts(ca.authority.pem().certificate);
  command.store.certificate_file = ca.certificate_file;
  json item;
  item["path"] = ca.certificate_file;
  item["sha256"] = facts.sha256;
  item["expires_at"] = format_rfc3339(facts.expires_at);
  output.result(item, ca.certificate_file + "\n  sha256   " + facts.sha256 + "\n  expires  " + format_rfc3339(facts.expires_at));
  return report(output, trust_status(command.store));
}

}  // namespace

void add_trust_commands(CLI::App& app, CommandContext& context) {
  CLI::App* trust = app.add_subcommand("trust", "The local authority behind https: let programs of this machine trust it.");
  trust->require_subcommand(1);
  auto command = std::make_shared<TrustCommand>();
  const auto add = [&](const char* name, const char* description, std::function<int(const Output&)> run) {
    CLI::App* sub = trust->add_subcommand(name, description);
    sub->add_option("--ca-dir", command->ca_dir, "Where the authority is kept; default: as a server without configuration.");
    sub->callback([&context, run] {
      context.run = [&context, run] { return run(Output(context.json)); };
    });
    return sub;
  };
  const auto add_store_options = [&](CLI::App* sub) {
    // For tests, and for systems that are laid out otherwise.
    sub->add_option("--system-dir", command->store.system_directory, "Directory of the system's local authorities.");
    sub->add_option("--update-command", command->store.update_command, "Program that makes the system look at it.");
    sub->add_option("--nss-db", command->store.nss_databases, "Certificate database of a browser; may be repeated.")
        ->allow_extra_args(false);
  };
  add("path", "Print the certificate's file, for NODE_EXTRA_CA_CERTS, REQUESTS_CA_BUNDLE, SSL_CERT_FILE, --cacert.",
      [command](const Output& output) {
        const std::string path = certificate_file(*command);
        json item;
        item["path"] = path;
        output.result(item, path);
        return kExitOk;
      });
  add_store_options(add("status", "Say what trusts it.", [command](const Output& output) { return show_status(output, *command); }));
  CLI::App* install =
      add("install", "Add it to the system's authorities (as root) and to your browsers'.", [command](const Output& output) {
        command->store.certificate_file = certificate_file(*command);
        return report(output, trust_install(command->store));
      });
  CLI::App* remove = add("remove", "Take it out again.", [command](const Output& output) {
    command->store.certificate_file = certificate_file(*command);
    return report(output, trust_remove(command->store));
  });
  for (CLI::App* sub : {install, remove}) {
    add_store_options(sub);
    sub->add_flag("--dry-run", command->store.dry_run, "Say what would be done.");
  }
}

}  // namespace trunkline::app
