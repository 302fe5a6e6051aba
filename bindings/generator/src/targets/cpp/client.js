// trunkline/<module>_client.hpp: what the calling side calls.
import { BANNER, cMember, indent, isAggregate, oneLine, operationNotes, pascal, snake } from "../common.js";
import { cName, cParamType } from "../c/names.js";
import { breakCall, comment, errorName, header, inlineTail, moved, namespaceOf, parameter, parameters, takenType } from "./names.js";

const indented = (lines, n = 2) => lines.map((line) => indent(line, n));

export function client(module) {
  const ns = namespaceOf(module);
  return [
    `// ${BANNER}`,
    `// The calling side: ${oneLine(module.doc)}`,
    "#pragma once",
    '#include "trunkline/client.hpp"',
    `#include "${header(module)}"`,
    "",
    `namespace ${ns} {`,
    "",
    "namespace ops {",
    ...module.interfaces.flatMap((i) => i.ops.flatMap((op) => description(module, i, op))),
    "}  // namespace ops",
    "",
    ...module.interfaces.flatMap((i) => clientClass(module, i)),
    `}  // namespace ${ns}`,
    "",
    ...inlineTail(module, "_client"),
  ].join("\n");
}

/** trunkline/inline/<module>_client.hpp: what is not a template. */
export function clientDefinitions(module) {
  const ns = namespaceOf(module);
  return [
    `// ${BANNER}`,
    "#pragma once",
    `#include "${header(module, "_client")}"`,
    "",
    `namespace ${ns} {`,
    "",
    ...module.interfaces.flatMap((i) => [...i.ops.flatMap((op) => (op.sync ? syncDefinition(module, i, op) : asyncDefinitions(module, i, op))), ""]),
    `}  // namespace ${ns}`,
    "",
  ].join("\n");
}
const opName = (i, op) => `${i.name}${pascal(op.name)}`;
const vtbl = (module, i) => cName({ ns: module.name, name: i.name });

function description(module, i, op) {
  return [
    `struct ${opName(i, op)} {`,
    `  static constexpr std::string_view kName = "${cMember(op.name)}";`,
    `  static constexpr auto kSlot = &${vtbl(module, i)}::${cMember(op.name)};`,
    `  using Value = ${takenType(op.returns, module.name)};`,
    "};",
  ];
}

function clientClass(module, i) {
  return [
    ...comment(i.doc),
    `class ${i.name}Client : public abi::Client<${vtbl(module, i)}> {`,
    " public:",
    `  static constexpr std::string_view kInterfaceId = "${i.id}";`,
    "  using Client::Client;",
    ...indented(i.ops.flatMap((op) => (op.sync ? syncMethods(module, i, op) : asyncMethods(module, i, op)))),
    "};",
    "",
  ];
}

const owned = (module, op, tail) => [...op.params.map((p) => parameter(p, module.name, false)), ...tail];
const forwarded = (op) => ["std::move(options)", ...op.params.map(moved)];

function syncMethods(module, i, op) {
  const params = [...parameters(op.params, module.name), "CallOptions options = {}"];
  return [
    "",
    ...comment(op.doc, operationNotes(op, errorName, cMember)),
    ...breakCall(`${takenType(op.returns, module.name)} ${cMember(op.name)}`, params, " const;"),
  ];
}
function syncDefinition(module, i, op) {
  return [
    ...breakCall(`TL_INLINE ${takenType(op.returns, module.name)} ${i.name}Client::${cMember(op.name)}`, owned(module, op, ["CallOptions options"]), " const {"),
    ...indented(breakCall(`return Client::now<ops::${opName(i, op)}>`, forwarded(op), ";", 2)),
    "}",
  ];
}

function asyncMethods(module, i, op) {
  const here = module.name;
  const value = takenType(op.returns, here);
  const n = cMember(op.name);
  const params = [...parameters(op.params, here), "CallOptions options = {}"];
  return [
    "",
    ...comment(op.doc, operationNotes(op, errorName, cMember)),
    ...breakCall(`Task<${value}> ${n}`, params, " const;"),
    `/// ${n} ending in done(Result<${value}>), once, on any thread, perhaps before it returns.`,
    "template <class F>",
    ...breakCall(`void start_${snake(op.name)}`, owned(module, op, ["CallOptions options", "F done"]), " const {"),
    ...indented(breakCall(`Client::start<ops::${opName(i, op)}>`, ["std::move(options)", "std::move(done)", ...op.params.map(moved)], ";", 4)),
    "}",
    ...breakCall(`void start_${snake(op.name)}`, owned(module, op, ["CallOptions options", `abi::Callback<${value}> done`]), " const;"),
    ...rawMethod(module, i, op),
    `/// ${n}, blocking this thread.`,
    ...breakCall(`${value} ${snake(op.name)}_sync`, params, " const;"),
  ];
}
function asyncDefinitions(module, i, op) {
  const value = takenType(op.returns, module.name);
  const define = (result, name, tail, call, args) => [
    ...breakCall(`TL_INLINE ${result} ${i.name}Client::${name}`, owned(module, op, tail), " const {"),
    ...indented(breakCall(`${call}<ops::${opName(i, op)}>`, args, ";", 2)),
    "}",
  ];
  return [
    ...define(`Task<${value}>`, cMember(op.name), ["CallOptions options"], "return Client::run", forwarded(op)),
    ...define("void", `start_${snake(op.name)}`, ["CallOptions options", `abi::Callback<${value}> done`], "Client::start", ["std::move(options)", "std::move(done)", ...op.params.map(moved)]),
    ...define(value, `${snake(op.name)}_sync`, ["CallOptions options"], "return Client::wait", forwarded(op)),
  ];
}

/** Without copies: C arguments in, views out. */
function rawMethod(module, i, op) {
  if (op.returns.k === "stream") return [];
  const isReference = (p) => isAggregate(p.type) && !p.optional;
  const param = (p) => {
    const type = cParamType(p.type, p.optional);
    if (isReference(p)) return `${type.replace(" *", "")}& ${cMember(p.name)}`;
    return `${type.replace(" *", "*")} ${cMember(p.name)}`;
  };
  const args = op.params.map((p) => (isReference(p) ? `&${cMember(p.name)}` : cMember(p.name)));
  const form = op.returns.k === "void" ? "done(const Error*)" : "done(view, const Error*)";
  return [
    `/// ${cMember(op.name)} without copies: the arguments must live until the peer has completed it, and so does \`done\`, which is`,
    `/// ${form}. What it is given lives while it runs.`,
    "template <class F>",
    ...breakCall(`void start_${snake(op.name)}_raw`, [...op.params.map(param), "CallOptions options", "F done"], " const {"),
    ...indented(breakCall(`Client::start_raw<ops::${opName(i, op)}>`, ["std::move(options)", "std::move(done)", ...args], ";", 4)),
    "}",
  ];
}
