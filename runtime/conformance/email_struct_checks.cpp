// Mail in structures of another size than ours.
#include "runtime/conformance/raw_call.h"
#include "trunkline/email_client.hpp"

namespace trunkline::conformance {
namespace {

/// The mail of the quirks as it crosses the ABI.
struct RawMail {
  tl_email_mailbox from{}, to{};
  tl_email_attachment file{};
  tl_str recipient;
  tl_email_send_request request{};

  explicit RawMail(CheckContext& kit) : recipient(abi::text(kit.input.quirks.email.to)) {
    const EmailSample& sample = kit.input.quirks.email;
    from.struct_size = sizeof from;
    from.address = abi::text(sample.from);
    to.struct_size = sizeof to;
    to.address = recipient;
    file.struct_size = sizeof file;
    file.name = abi::text("a.txt");
    file.content_type = abi::text("text/plain");
    request.struct_size = sizeof request;
    request.message_id = abi::text("kit");
    request.internet_message_id = abi::text("<kit@example.com>");
    request.date = kit.host.clock.now().time_since_epoch().count();
    request.from = &from;
    request.recipients = {&recipient, 1, sizeof recipient};
    request.to = {&to, 1, sizeof to};
    request.cc.stride = request.reply_to.stride = sizeof(tl_email_mailbox);
    request.subject = abi::text(sample.subject);
    request.plain_text = abi::text(sample.text);
    request.attachments = {&file, 1, sizeof file};
    request.headers.stride = request.properties.stride = sizeof(tl_kv);
  }
  RawMail(const RawMail&) = delete;
};

void mail_send_with(CheckContext& kit, const tl_call* call, const tl_email_send_request* request, const std::string& what,
                    std::size_t recipients = 1) {
  Subject subject = kit.open();
  const tl_iface target = subject->interface(email::EmailProviderClient::kInterfaceId);
  RawDone& raw = RawDone::make(kit);
  raw.read = [](RawDone& done, const tl_list& list) { done.results = list.count; };
  static_cast<const tl_email_provider*>(target.vtbl)->send(target.self, call, request, &RawDone::complete<tl_list>, &raw);
  await(kit, raw, "send with " + what);
  if (raw.error)
    kit.remark(error_name(raw.error->code) + ": " + raw.error->message);
  else
    kit.require(raw.results == recipients, "send with " + what + ": " + std::to_string(raw.results) + " results for " +
                                               std::to_string(recipients) + " recipients");
  kit.close(subject);
}

void mail_small_request(CheckContext& kit) {
  // Ends behind `subject`: no body, no headers, no files.
  const RawMail mail(kit);
  const Sized<tl_email_send_request> request(mail.request, offsetof(tl_email_send_request, plain_text));
  mail_send_with(kit, nullptr, request.get(), "a request that ends behind its subject");
}

void mail_large_request(CheckContext& kit) {
  RawMail mail(kit);
  const std::array<Grown<tl_email_mailbox>, 2> to{Grown(mail.to), Grown(mail.to)};
  const std::array<Grown<tl_email_attachment>, 2> files{Grown(mail.file), Grown(mail.file)};
  struct FarApart {
    tl_str text;
    std::array<unsigned char, 8> more;
  };
  const std::array<FarApart, 2> recipients{FarApart{mail.recipient, {}}, FarApart{mail.recipient, {}}};
  const Sized<tl_email_mailbox> from(mail.from, sizeof(tl_email_mailbox) + 32);
  mail.request.from = from.get();
  mail.request.to = {to.data(), to.size(), sizeof to[0]};
  mail.request.attachments = {files.data(), files.size(), sizeof files[0]};
  mail.request.recipients = {recipients.data(), recipients.size(), sizeof recipients[0]};
  const Sized<tl_email_send_request> request(mail.request, sizeof(tl_email_send_request) + 48);
  mail_send_with(kit, nullptr, request.get(), "a request from a newer host", recipients.size());
}

}  // namespace

std::vector<Check> email_struct_checks(const std::string& prefix) {
  std::vector<Check> all;
  add_capability_checks(all, std::string(email::EmailProviderClient::kInterfaceId), &tl_email_provider::capabilities,
                        &RawDone::complete<tl_email_capabilities>);
  for (const CallShape& shape : kCallShapes)
    all.push_back({prefix + "send_" + shape.name, [&shape](CheckContext& kit) {
                     const RawMail mail(kit);
                     const ShapedCall call(kit.host, shape);
                     mail_send_with(kit, call.get(), &mail.request, shape.name);
                   }});
  all.push_back({prefix + "small_request", mail_small_request});
  all.push_back({prefix + "large_request", mail_large_request});
  return all;
}

}  // namespace trunkline::conformance
