// C++ of the Node.js addon: for each module <module>_wire.hpp (how its types are read from and written to packets) and
// <module>.cpp (an object for each interface), and objects.{hpp,cpp} (all interfaces by id).
import { BANNER, aggregatesOf, cMember, indent, offerable, snake } from "./common.js";
import { fieldType, fieldViewType, givenType, valueType as sdkType } from "./cpp/names.js";
import { callable, key } from "./node-reach.js";

const root = "bindings/node/generated";
const namespaceOf = (module) => (module.name === "trunkline" ? "trunkline" : `trunkline::${module.name}`);
const fileOf = (ns) => (ns === "trunkline" ? "common" : ns);

export function emitCpp(ir, reached) {
  const out = {};
  const modules = ir.modules.filter((module) => callable(module).length > 0);
  const wired = new Set(ir.modules.filter((module) => aggregatesOf(module).some((x) => reached.written.has(key(module, x)) || reached.read.has(key(module, x)))).map((module) => module.name));
  for (const module of ir.modules) if (wired.has(module.name)) out[`${root}/${module.file}_wire.hpp`] = wire(module, reached, wired);
  for (const module of modules) out[`${root}/${module.file}.cpp`] = objects(module, wired);
  const offering = ir.modules.filter((module) => offerable(module).length > 0);
  for (const module of offering) out[`${root}/offer_${module.file}.cpp`] = offers(module, wired);
  out[`${root}/offers.hpp`] = offerDeclarations(offering);
  out[`${root}/objects.hpp`] = declarations(modules);
  out[`${root}/objects.cpp`] = table(modules);
  return out;
}

const text = (lines) => `${lines.join("\n")}\n`;

function wire(module, reached, wired) {
  const imports = module.imports.filter((ns) => wired.has(ns)).map((ns) => `#include "generated/${fileOf(ns)}_wire.hpp"`);
  const lines = [`// ${BANNER}`, "#pragma once", '#include "support/wire.hpp"', `#include "trunkline/${module.file}.hpp"`, ...imports.sort(), "", "namespace trunkline::node {", ""];
  for (const declared of aggregatesOf(module)) {
    const type = `${namespaceOf(module)}::${declared.name}`;
    const body = declared.fields ? structBody(declared) : unionBody(declared);
    if (reached.written.has(key(module, declared))) lines.push(`inline void read(Reader& in, ${type}& value) {`, ...body.read, "}");
    if (reached.read.has(key(module, declared))) lines.push(`inline void write(Writer& out, const ${type}& value) {`, ...body.write, "}");
    if (lines.at(-1) === "}") lines.push("");
  }
  lines.push("}  // namespace trunkline::node");
  return text(lines);
}

const structBody = (struct) => ({
  read: struct.fields.map((f) => `  read(in, value.${cMember(f.name)});`),
  write: struct.fields.map((f) => `  write(out, value.${cMember(f.name)});`),
});
/** Variant 0 is the one that is not known. */
const unionBody = (union) => ({
  read: [
    "  switch (in.count()) {",
    ...union.variants.map((v) => `    case ${v.kind}: return read(in, value.value.emplace<${v.kind}>());`),
    "    default: value.value.emplace<0>();", "  }",
  ],
  write: [
    "  out.number(static_cast<double>(value.value.index()));",
    "  switch (value.value.index()) {",
    ...union.variants.map((v) => `    case ${v.kind}: return write(out, std::get<${v.kind}>(value.value));`),
    "    default: return;", "  }",
  ],
});

function objects(module, wired) {
  const used = [module.name, ...module.imports].filter((ns) => wired.has(ns)).map((ns) => `#include "generated/${fileOf(ns)}_wire.hpp"`);
  const lines = [
    `// ${BANNER}`, '#include "generated/objects.hpp"', '#include "support/call.hpp"', '#include "support/stream.hpp"', `#include "trunkline/${module.file}_client.hpp"`,
    ...used.sort(), "", "namespace trunkline::node {", "namespace {", "",
  ];
  for (const i of callable(module)) lines.push(...object(module, i));
  lines.push("}  // namespace", "");
  for (const i of callable(module)) lines.push(`std::unique_ptr<Object> make_${snake(i.name)}(tl_iface iface, CallTable& calls) { return std::make_unique<${i.name}Object>(iface, calls); }`);
  lines.push("", "}  // namespace trunkline::node");
  return text(lines);
}

function object(module, i) {
  const client = `${namespaceOf(module)}::${i.name}Client`;
  const starts = i.ops.filter((op) => !op.sync), runs = i.ops.filter((op) => op.sync);
  const lines = [
    `class ${i.name}Object final : public Object {`, " public:",
    `  ${i.name}Object(tl_iface iface, CallTable& calls) : client_(iface, calls) {}`, "",
  ];
  if (starts.length) lines.push(...dispatcher("start(std::uint32_t op, [[maybe_unused]] Reader& in, Request request)", "start(op, in, std::move(request))", i, starts, start), "");
  if (runs.length) lines.push(...dispatcher("run(std::uint32_t op, [[maybe_unused]] Reader& in, Writer& out)", "run(op, in, out)", i, runs, run), "");
  lines.push(" private:", `  ${client} client_;`, "};", "");
  return lines;
}

function dispatcher(signature, otherwise, i, ops, body) {
  return [
    `  void ${signature} override {`, "    switch (op) {",
    ...ops.flatMap((op) => [`      case ${i.ops.indexOf(op)}: {  // ${op.name}`, ...body(op).map((line) => indent(line, 8)), "      }"]),
    `      default: return Object::${otherwise};`, "    }", "  }",
  ];
}

const scalars = { str: "std::string", json: "std::string", bytes: "Bytes", bool: "bool", i32: "std::int32_t", u32: "std::uint32_t", i64: "std::int64_t", u64: "std::uint64_t", f64: "double", time: "Time", duration: "Duration", map: "Properties", void: "void" };
function valueType(type) {
  if (type.k === "list") return `std::vector<${valueType(type.of)}>`;
  return scalars[type.k] ?? (type.ns === "trunkline" ? type.name : `${type.ns}::${type.name}`);
}
const parameterType = (p) => (p.optional ? `std::optional<${valueType(p.type)}>` : valueType(p.type));

/** Reads the parameters into locals named after them. */
const parameters = (op) => op.params.flatMap((p) => {
  const name = local(p);
  return [`${parameterType(p)} ${name}{};`, `read(in, ${name});`];
});
const local = (p) => `p_${cMember(p.name)}`;
const moved = (op) => op.params.map((p) => `std::move(${local(p)})`);

function start(op) {
  const stream = op.returns.k === "stream";
  const result = stream ? `StreamClient<${valueType(op.returns.of)}>` : valueType(op.returns);
  const done = `answer<${result}>(${stream ? "open_stream(std::move(request.reply))" : "std::move(request.reply)"})`;
  return [...parameters(op), `client_.start_${cMember(op.name)}(${[...moved(op), "std::move(request.options)", done].join(", ")});`, "return;"];
}
function run(op) {
  const call = `client_.${cMember(op.name)}(${moved(op).join(", ")})`;
  return [...parameters(op), op.returns.k === "void" ? `${call};` : `write(out, ${call});`, "return;"];
}

function table(modules) {
  const all = modules.flatMap((module) => callable(module));
  return text([
    `// ${BANNER}`, '#include "generated/objects.hpp"', "", "namespace trunkline::node {", "",
    "std::unique_ptr<Object> make_object(std::string_view id, tl_iface iface, CallTable& calls) {",
    ...all.map((i) => `  if (id == ${JSON.stringify(i.id)}) return make_${snake(i.name)}(iface, calls);`),
    "  return nullptr;", "}", "", "}  // namespace trunkline::node",
  ]);
}
function declarations(modules) {
  const all = modules.flatMap((module) => callable(module));
  return text([
    `// ${BANNER}`, "#pragma once", "#include <memory>", "", '#include "support/object.hpp"', '#include "trunkline/call_table.hpp"', "", "namespace trunkline::node {", "",
    ...all.map((i) => `std::unique_ptr<Object> make_${snake(i.name)}(tl_iface iface, CallTable& calls);`),
    "", "}  // namespace trunkline::node",
  ]);
}

// ---- the classes that put objects of JavaScript behind the vtables ----

function offers(module, wired) {
  const used = [module.name, ...module.imports].filter((ns) => wired.has(ns)).map((ns) => `#include "generated/${fileOf(ns)}_wire.hpp"`);
  return text([
    `// ${BANNER}`, '#include "generated/offers.hpp"', '#include "support/provider.hpp"', `#include "trunkline/${module.file}_provider.hpp"`, ...used.sort(), "",
    "namespace trunkline::node {", "namespace {", ...offerable(module).flatMap((i) => offerClass(module, i)), "", "}  // namespace", "",
    `std::unique_ptr<Implementation> offer_${module.file}(std::string_view id, ProviderObject& object, Reader& constants) {`,
    ...offerable(module).map((i) => `  if (id == ${namespaceOf(module)}::${i.name}::kInterfaceId) return std::make_unique<${i.name}Offer>(object, constants);`),
    "  return nullptr;", "}", "", "}  // namespace trunkline::node",
  ]);
}

function offerClass(module, i) {
  const N = namespaceOf(module), methods = [], constants = [];
  i.ops.forEach((op, index) => {
    const name = cMember(op.name);
    if (op.sync) {
      constants.push({ name, type: givenType(op.returns) });
      methods.push(`  ${givenType(op.returns)} ${name}(const Call&) override { return ${name}_; }`);
      return;
    }
    const R = givenType(op.returns);
    const params = op.params.map((p) => `${fieldViewType(p)} ${cMember(p.name)}`);
    const args = op.params.map((p) => {
      const n = cMember(p.name);
      if (fieldType(p) === fieldViewType(p)) return n;
      return p.optional ? `abi::own_optional<${sdkType(p.type)}>(${n})` : `abi::own<${sdkType(p.type)}>(${n})`;
    });
    methods.push(`  void start_${snake(op.name)}(${["const Call& call", ...params, `Completion<${R}> done`].join(", ")}) override {`,
      `    begin<${R}>(${["object_", "part_", index, "call", "std::move(done)", ...args].join(", ")});`, "  }");
  });
  return ["", `class ${i.name}Offer final : public ${N}::${i.name} {`, " public:",
    `  ${i.name}Offer(ProviderObject& object, ${constants.length ? "" : "[[maybe_unused]] "}Reader& constants) : object_(object), part_(object.next_part()) {`,
    ...constants.map((c) => `    if (constants.number() != 0) read(constants, ${c.name}_);`), "  }", ...methods, "", " private:", "  ProviderObject& object_;", "  const std::uint32_t part_;",
    ...constants.map((c) => `  ${c.type} ${c.name}_{};`), "};"];
}

function offerDeclarations(modules) {
  return text([`// ${BANNER}`, "#pragma once", "#include <memory>", "#include <string_view>", "", '#include "support/wire.hpp"', '#include "trunkline/completion.hpp"', "",
    "namespace trunkline::node {", "", "class ProviderObject;",
    "/// The part of an object for an interface of a module; null for an id of another one. `constants`: what @sync operations give.",
    ...modules.map((m) => `std::unique_ptr<Implementation> offer_${m.file}(std::string_view id, ProviderObject& object, Reader& constants);`),
    "/// The same for any module.",
    "inline std::unique_ptr<Implementation> make_offer(std::string_view id, ProviderObject& object, Reader& constants) {",
    ...modules.map((m) => `  if (auto made = offer_${m.file}(id, object, constants)) return made;`), "  return nullptr;", "}", "", "}  // namespace trunkline::node"]);
}
