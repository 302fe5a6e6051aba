// Files about all modules at once: interfaces.hpp (facts for the loader) and plugin_host.hpp (the host as a plugin sees it).
import { BANNER, cMember, indent, interfacesOf, isAppended, pascal, snake } from "../common.js";
import { cHeader, cName } from "../c/names.js";
import { comment, header } from "./names.js";

const indented = (lines, n = 2) => lines.map((line) => indent(line, n));

export function interfaces(ir) {
  const all = ir.modules.flatMap((m) => m.interfaces.map((i) => ({ m, i, c: cName({ ns: m.name, name: i.name }) })));
  const table = all.map(({ i, c }) => {
    const required = i.ops.filter((op) => !isAppended(op, i)).length;
    return `{"${i.id}", "${i.name}", InterfaceKind::k${pascal(i.kind)}, ${i.draft}, sizeof(${c}), ${8 + 8 * required}, slots::${c}},`;
  });
  return [
    `// ${BANNER}`,
    "// Every interface with its slots, for code that checks vtables it did not make.",
    "#pragma once",
    ...["trunkline/interface_info.hpp", ...ir.modules.filter((m) => m.interfaces.length).map(cHeader)].sort().map((path) => `#include "${path}"`),
    "",
    "namespace trunkline::abi {",
    "",
    "namespace slots {",
    ...all.flatMap(({ i, c }) => [
      `inline constexpr SlotInfo ${c}[] = {`,
      ...i.ops.map((op) => `    {"${cMember(op.name)}", offsetof(::${c}, ${cMember(op.name)}), ${!isAppended(op, i)}},`),
      "};",
    ]),
    "}  // namespace slots",
    "",
    "inline constexpr InterfaceInfo kInterfaces[] = {",
    ...indented(table, 4),
    "};",
    "",
    "/// nullptr: an id that this version does not know.",
    "inline const InterfaceInfo* find_interface(std::string_view id) {",
    "  for (const InterfaceInfo& interface : kInterfaces)",
    "    if (interface.id == id) return &interface;",
    "  return nullptr;",
    "}",
    "",
    "}  // namespace trunkline::abi",
    "",
  ].join("\n");
}

export function pluginHost(ir) {
  const offered = ir.modules.flatMap((m) => interfacesOf(m, "hostService", "events").map((i) => ({ m, i })));
  const others = [...new Set(offered.filter(({ i }) => i.kind === "events").map(({ m }) => m))];
  const accessor = ({ m, i }) => [
    ...comment(i.doc, i.kind === "events" ? [`Include "${header(m, "_client")}" (the provider header does).`] : []),
    i.kind === "events"
      ? `template <class C = ${m.name}::${i.name}Client>\nC ${snake(i.name)}() const { return get<C>(); }`
      : `${m.name}::${i.name}Client ${snake(i.name)}() const { return get<${m.name}::${i.name}Client>(); }`,
  ];
  const hosts = [...new Set(offered.filter(({ i }) => i.kind === "hostService").map(({ m }) => m))];
  return [
    `// ${BANNER}`,
    "#pragma once",
    ...["trunkline/call_table.hpp", ...hosts.map((m) => header(m, "_client"))].map((path) => `#include "${path}"`),
    "",
    "namespace trunkline {",
    "",
    ...others.flatMap((m) => [`namespace ${m.name} {`, ...interfacesOf(m, "events").map((i) => `class ${i.name}Client;`), `}  // namespace ${m.name}`]),
    "",
    "/// The host as a plugin sees it. A small value; valid as long as the plugin instance. [any-thread]",
    "class Host {",
    " public:",
    "  Host() = default;",
    "  /// `calls`: the table that keeps this plugin's calls to the host.",
    "  Host(const tl_host* host, CallTable& calls) : host_(host), calls_(&calls) {}",
    "",
    "  /// The client of a host service or event sink; false in a condition when this host does not offer it.",
    "  template <class Client>",
    "  Client get() const {",
    "    return Client(host_->get_interface(host_->ctx, abi::text(Client::kInterfaceId)), *calls_);",
    "  }",
    "  /// ABI version of the host.",
    "  std::uint32_t abi() const { return host_->abi; }",
    "  const tl_host* raw() const { return host_; }",
    "",
    ...indented(offered.flatMap(accessor)),
    "",
    " private:",
    "  const tl_host* host_ = nullptr;",
    "  CallTable* calls_ = nullptr;",
    "};",
    "",
    "}  // namespace trunkline",
    "",
  ].join("\n");
}
