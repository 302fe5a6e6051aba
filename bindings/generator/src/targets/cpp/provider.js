// trunkline/<module>_provider.hpp: what the implementing side inherits from.
import { BANNER, cMember, indent, isAggregate, isAppended, oneLine, operationNotes, snake } from "../common.js";
import { cDone, cName, cParam } from "../c/names.js";
import { breakCall, comment, errorName, fieldType, fieldViewType, givenType, header, inlineTail, namespaceOf, parameter, valueType } from "./names.js";

const indented = (lines, n = 2) => lines.map((line) => indent(line, n));

export function provider(module, index) {
  const ns = namespaceOf(module);
  const streams = module.interfaces.some((i) => i.ops.some((op) => op.returns.k === "stream"));
  const events = module.interfaces.some((i) => i.kind === "events");
  const includes = ["trunkline/completion.hpp", header(module), ...(streams ? ["trunkline/stream.hpp"] : []), ...(events ? [header(module, "_client")] : [])];
  return [
    `// ${BANNER}`,
    `// The implementing side: ${oneLine(module.doc)}`,
    "#pragma once",
    ...includes.sort().map((path) => `#include "${path}"`),
    "",
    `namespace ${ns} {`,
    "",
    ...module.interfaces.flatMap((i) => implementation(module, i)),
    `}  // namespace ${ns}`,
    "",
    ...inlineTail(module, "_provider"),
  ].join("\n");
}

/** trunkline/inline/<module>_provider.hpp: what an operation does that nobody overrides, and the functions of the ABI. */
export function providerDefinitions(module) {
  const ns = namespaceOf(module);
  return [
    `// ${BANNER}`,
    "#pragma once",
    `#include "${header(module, "_provider")}"`,
    "",
    `namespace ${ns} {`,
    "",
    ...module.interfaces.flatMap((i) => definitions(module, i)),
    `}  // namespace ${ns}`,
    "",
  ].join("\n");
}

function implementation(module, i) {
  return [
    `class ${i.name};`,
    "/// The object as the ABI sees it.",
    `tl_iface iface_of(${i.name}* object);`,
    "",
    ...comment(i.doc, ["Of the two forms of an operation override one: the coroutine, or start_…, which copies nothing."]),
    `class ${i.name} : public virtual Implementation {`,
    " public:",
    `  static constexpr std::string_view kInterfaceId = "${i.id}";`,
    ...indented(i.ops.flatMap((op) => operation(module, i, op))),
    "",
    " protected:",
    `  ${i.name}() { Implementation::offer(kInterfaceId, iface_of(this)); }`,
    "};",
    "",
  ];
}

function definitions(module, i) {
  return [
    ...i.ops.flatMap((op) => operationDefinitions(module, i, op)),
    "",
    "namespace detail {",
    `struct ${i.name}Thunks {`,
    `  static ${i.name}& of(void* self) { return *static_cast<${i.name}*>(self); }`,
    ...indented(i.ops.flatMap((op) => thunk(module, i, op))),
    `  static constexpr ${vtbl(module, i)} kVtbl{sizeof(${vtbl(module, i)}), 0, ${i.ops.map((op) => `&${cMember(op.name)}`).join(", ")}};`.replace(/^(.{131,})$/, (line) => brokenVtbl(line)),
    "};",
    "}  // namespace detail",
    "",
    `TL_INLINE tl_iface iface_of(${i.name}* object) { return {object, &detail::${i.name}Thunks::kVtbl}; }`,
    "",
  ];
}
const vtbl = (module, i) => cName({ ns: module.name, name: i.name });
const brokenVtbl = (line) => {
  const [head, rest] = line.split("{sizeof");
  const items = ("sizeof" + rest).split(", ");
  return `${head}{\n${items.map((item) => `      ${item}`).join(",\n")}`;
};

// The virtual functions are inline in the class, too, where they are inline at all: else the first of them would be the key
// function, and every file that includes the header would hold the vtable.
function operation(module, i, op) {
  const here = module.name;
  const result = givenType(op.returns, here);
  const notes = [`[${op.thread}]`, ...operationNotes(op, errorName, cMember)];
  const n = cMember(op.name);
  if (op.sync) {
    const params = ["const Call& call", ...op.params.map((p) => viewParameter(p, here))];
    const declared = isAppended(op, i) ? [`TL_INLINE virtual ${result} ${n}`, ";"] : [`virtual ${result} ${n}`, " = 0;"];
    return ["", ...comment(op.doc, notes), ...breakCall(declared[0], params, declared[1])];
  }
  const owned = ["Call call", ...op.params.map((p) => parameter(p, here, false))];
  const views = ["const Call& call", ...op.params.map((p) => viewParameter(p, here)), `Completion<${result}> done`];
  return [
    "",
    ...comment(op.doc, notes),
    ...breakCall(`TL_INLINE virtual Task<${result}> ${n}`, owned, ";"),
    ...breakCall(`TL_INLINE virtual void start_${snake(op.name)}`, views, ";"),
  ];
}
function operationDefinitions(module, i, op) {
  const here = module.name;
  const result = givenType(op.returns, here);
  const n = cMember(op.name);
  if (op.sync) {
    if (!isAppended(op, i)) return [];
    const types = ["const Call&", ...op.params.map((p) => fieldViewType(p, here))];
    return breakCall(`TL_INLINE ${result} ${i.name}::${n}`, types, ` { abi::unimplemented("${n}"); }`, 0);
  }
  const types = ["Call", ...op.params.map((p) => fieldType(p, here))];
  const views = ["const Call& call", ...op.params.map((p) => viewParameter(p, here)), `Completion<${result}> done`];
  const copies = ["call", ...op.params.map((p) => ownExpression(p, here))];
  return [
    ...breakCall(`TL_INLINE Task<${result}> ${i.name}::${n}`, types, ` { abi::unimplemented("${n}"); }`, 0),
    ...breakCall(`TL_INLINE void ${i.name}::start_${snake(op.name)}`, views, " {", 0),
    ...indented(breakCall("abi::complete_with", ["std::move(done)", `[&] { return this->${n}(${copies.join(", ")}); }`], ";", 2)),
    "}",
  ];
}
const viewParameter = (p, here) => `${fieldViewType(p, here)} ${cMember(p.name)}`;
function ownExpression(p, here) {
  const n = cMember(p.name);
  if (fieldType(p, here) === fieldViewType(p, here)) return n;
  return p.optional ? `abi::own_optional<${valueType(p.type, here)}>(${n})` : `abi::own<${valueType(p.type, here)}>(${n})`;
}

function thunk(module, i, op) {
  const here = module.name;
  const n = cMember(op.name);
  const params = ["void* self", "const tl_call* call", ...op.params.map((p) => cParam(p).replace(/ \*/, "* ")), `${cDone(module, i, op)} done`, "void* user"];
  const result = givenType(op.returns, here);
  const args = ["Call(call)", ...op.params.map((p) => argument(p, here))];
  if (op.sync) {
    return [
      ...breakCall(`static void ${n}`, params, " noexcept {"),
      ...indented(breakCall(`abi::serve_now<${result}>`, ["of(self)", "done", "user", `[&] { return of(self).${n}(${args.join(", ")}); }`], ";", 4)),
      "}",
    ];
  }
  return [
    ...breakCall(`static void ${n}`, params, " noexcept {"),
    `  abi::serve<${result}>(of(self), done, user, [&](Completion<${result}> completion) {`,
    ...indented(breakCall(`of(self).start_${snake(op.name)}`, [...args, "std::move(completion)"], ";", 6), 4),
    "  });",
    "}",
  ];
}
/** A C parameter as the view that the operation takes, checked. */
function argument(p, here) {
  const n = cMember(p.name);
  const value = valueType(p.type, here);
  if (isAggregate(p.type) && !p.optional) return `abi::Codec<${value}>::view(abi::required<${value}>(${n}, "${n}"))`;
  const type = fieldType(p, here);
  return `abi::Member<${type}>::view(abi::checked<${type}>(${n}, "${n}"))`;
}
