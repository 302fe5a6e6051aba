// The C++ under the Python classes: conversions of every value type, and one pybind11 class for each interface.
import { BANNER, aggregatesOf, cMember, interfacesOf, offerable, snake } from "../common.js";
import { fieldType, fieldViewType, givenType, valueType } from "../cpp/names.js";
import { offered, pyName } from "./types.js";

const namespaceOf = (module) => (module.name === "trunkline" ? "trunkline" : `trunkline::${module.name}`);
const cppNames = {
  str: "std::string", json: "std::string", bytes: "pyrt::Bytes", bool: "bool", i32: "std::int32_t", u32: "std::uint32_t", i64: "std::int64_t",
  u64: "std::uint64_t", f64: "double", time: "Time", duration: "Duration", map: "pyrt::StringMap", void: "void",
};
function cppType(context, type) {
  switch (type.k) {
    case "list": return `std::vector<${cppType(context, type.of)}>`;
    case "stream": return `StreamClient<${cppType(context, type.of)}>`;
    case "enum": case "struct": case "union": return `${namespaceOf(context.index.modules.get(type.ns))}::${type.name}`;
    default: return cppNames[type.k];
  }
}
const cppValue = (context, item) => (item.optional ? `std::optional<${cppType(context, item.type)}>` : cppType(context, item.type));

/** Functions that modules define and module.cpp calls. */
export function nativeModules(context) {
  const names = context.modules.map((m) => m.file);
  const providing = context.modules.filter((m) => offerable(m).length).map((m) => m.file);
  return [`// ${BANNER}`, "#pragma once", '#include "support/python.hpp"', "", "namespace trunkline::pyrt {",
    ...names.map((name) => `void bind_${name}(PyObject* parent);`), ...providing.map((name) => `void offer_${name}();`),
    "inline void bind_all(PyObject* parent) {", ...names.map((name) => `  bind_${name}(parent);`), ...providing.map((name) => `  offer_${name}();`), "}", "}  // namespace trunkline::pyrt", ""].join("\n");
}

export function typesHeader(context, module) {
  const out = [`// ${BANNER}`, "#pragma once", '#include "support/convert.hpp"', `#include "trunkline/${module.file}.hpp"`, "", `namespace ${namespaceOf(module)} {`];
  for (const e of module.enums) out.push(`PyObject* to_py(${e.name} value);`, `void from_py(PyObject* object, ${e.name}& value);`);
  for (const x of aggregatesOf(module)) out.push(`PyObject* to_py(const ${x.name}& value);`, `void from_py(PyObject* object, ${x.name}& value);`);
  out.push(`}  // namespace ${namespaceOf(module)}`, "");
  return out.join("\n");
}

/** Files of the modules it imports, but for those that Python does not see (what plugins alone use of them is not bound). */
function importedFiles(context, module) {
  const seen = new Set(context.modules.map((m) => m.file));
  return module.imports.map((ns) => context.fileOf(ns)).filter((file) => seen.has(file));
}

export function nativeSource(context, module) {
  const interfaces = interfacesOf(module, ...offered);
  const out = [`// ${BANNER}`, `#include "generated/types_${module.file}.hpp"`, ...importedFiles(context, module).map((file) => `#include "generated/types_${file}.hpp"`),
    '#include "generated/modules.hpp"', '#include "support/interface.hpp"', ...(interfaces.length ? [`#include "trunkline/${module.file}_client.hpp"`] : []), "", `namespace ${namespaceOf(module)} {`, "namespace {"];
  for (const e of module.enums) out.push(`pyrt::EnumTable enum_${e.name};`);
  for (const s of module.structs) out.push(`pyrt::Model<${s.fields.length}> model_${s.name}({${s.fields.map((f) => `"${pyName(f.name)}"`).join(", ")}});`);
  out.push("}  // namespace", "");
  for (const e of module.enums) out.push(...enumCodec(e));
  for (const x of aggregatesOf(module)) out.push(...(x.fields ? structCodec(x) : unionCodec(x)));
  if (interfaces.length) out.push("", "namespace {", ...interfaces.flatMap((i) => interfaceClass(context, i)), "}  // namespace");
  const N = namespaceOf(module);
  out.push("", "static void register_types(PyObject* types) {", ...(module.enums.length + module.structs.length ? [] : ["  (void)types;"]));
  for (const e of module.enums) out.push(`  enum_${e.name}.init(pyrt::type_of(types, "${e.name}"));`);
  for (const s of module.structs) out.push(`  model_${s.name}.init(pyrt::type_of(types, "${s.name}"));`);
  out.push("}", `}  // namespace ${N}`, "", "namespace trunkline::pyrt {", `void bind_${module.file}(PyObject* parent) {`,
    `  ${interfaces.length ? "PyObject* const module = " : ""}define_module(parent, "${module.file}", &${N}::register_types);`);
  for (const i of interfaces) {
    const kind = { provider: "Provider", service: "Service" }[i.kind] ?? "Host";
    out.push(`  define_interface(module, {"${i.name}", "${i.id}", RuntimeHandle::Kind::k${kind}}, ${N}::methods_of_${i.name}, std::size(${N}::methods_of_${i.name}));`);
  }
  out.push("}", "}  // namespace trunkline::pyrt", "");
  return out.join("\n");
}

/** The classes that put Python objects behind the vtables of a module's provider interfaces. */
export function offerSource(context, module) {
  const N = namespaceOf(module), interfaces = offerable(module);
  return [`// ${BANNER}`, `#include "generated/types_${module.file}.hpp"`, ...importedFiles(context, module).map((file) => `#include "generated/types_${file}.hpp"`),
    '#include "generated/modules.hpp"', '#include "support/provider.hpp"', `#include "trunkline/${module.file}_provider.hpp"`, "", `namespace ${N} {`, "namespace {",
    ...interfaces.flatMap((i) => offerClass(module, i)), "", "}  // namespace", "",
    `static void offer_all() {`, ...interfaces.map((i) => `  pyrt::define_offer({${i.name}::kInterfaceId, ${i.ops.length}, &make_${i.name}});`), "}", `}  // namespace ${N}`, "",
    "namespace trunkline::pyrt {", `void offer_${module.file}() { ${N}::offer_all(); }`, "}  // namespace trunkline::pyrt", ""].join("\n");
}

function offerClass(module, i) {
  const here = module.name, methods = [], constants = [];
  i.ops.forEach((op, index) => {
    const name = cMember(op.name);
    if (op.sync) {
      constants.push({ name, python: pyName(op.name), index, type: givenType(op.returns, here) });
      methods.push(`  ${givenType(op.returns, here)} ${name}(const Call&) override { return ${name}_; }`);
      return;
    }
    const R = givenType(op.returns, here);
    const params = op.params.map((p) => `${fieldViewType(p, here)} ${cMember(p.name)}`);
    const args = op.params.map((p) => {
      const n = cMember(p.name);
      if (fieldType(p, here) === fieldViewType(p, here)) return n;
      return p.optional ? `abi::own_optional<${valueType(p.type, here)}>(${n})` : `abi::own<${valueType(p.type, here)}>(${n})`;
    });
    const types = [R, ...op.params.map((p) => fieldType(p, here))];
    methods.push(`  void start_${snake(op.name)}(${["const Call& call", ...params, `Completion<${R}> done`].join(", ")}) override {`,
      `    pyrt::begin<${types.join(", ")}>(${["object_", `first_ + ${index}`, "call", "std::move(done)", ...args].join(", ")});`, "  }");
  });
  return ["", `class ${i.name}Object final : public ${i.name} {`, " public:",
    `  ${i.name}Object(pyrt::ProviderObject& object, std::size_t first${constants.length ? ", PyObject* const* methods" : ""}) : object_(object), first_(first) {`,
    ...constants.map((c) => `    pyrt::constant("${c.python}", methods[${c.index}], ${c.name}_);`), "  }",
    ...methods, "", " private:", "  pyrt::ProviderObject& object_;", "  const std::size_t first_;",
    ...constants.map((c) => `  ${c.type} ${c.name}_{};`), "};",
    `std::unique_ptr<Implementation> make_${i.name}(pyrt::ProviderObject& object, std::size_t first, ${constants.length ? "" : "[[maybe_unused]] "}PyObject* const* methods) {`,
    `  return std::make_unique<${i.name}Object>(object, first${constants.length ? ", methods" : ""});`, "}"];
}

const enumCodec = (e) => [
  `PyObject* to_py(${e.name} value) { return enum_${e.name}.get(static_cast<std::int32_t>(value)); }`,
  `void from_py(PyObject* object, ${e.name}& value) {`, "  std::int32_t number = 0;", "  pyrt::take(object, number);", `  value = static_cast<${e.name}>(number);`, "}"];

function structCodec(s) {
  const put = (f) => `  row.add(pyrt::${f.type.k === "json" ? "json_to_py" : "put"}(value.${cMember(f.name)}));`;
  const take = (f, i) => {
    if (f.type.k === "json") return `  fields.take_json(${i}, value.${cMember(f.name)});`;
    if (f.minItems && !f.optional) return `  fields.take_at_least(${i}, value.${cMember(f.name)}, ${f.minItems});`;
    return `  fields.take(${i}, value.${cMember(f.name)});`;
  };
  return [
    `PyObject* to_py(const ${s.name}& value) {`, `  pyrt::Row<${s.fields.length}> row;`, ...s.fields.map(put), `  return model_${s.name}.make(row);`, "}",
    `void from_py(PyObject* object, ${s.name}& value) {`, `  const pyrt::Fields fields(model_${s.name}, object);`, ...s.fields.map(take), "}"];
}

const checks = { str: "PyUnicode_Check(object)", bytes: "PyObject_CheckBuffer(object)", bool: "PyBool_Check(object)", f64: "PyFloat_Check(object)", list: "PyList_Check(object)", map: "PyDict_Check(object)" };
function unionCodec(u) {
  // The variant's alternative 0 is "of a kind that this side does not know": None.
  return [
    `PyObject* to_py(const ${u.name}& value) {`, "  switch (value.value.index()) {",
    ...u.variants.map((v, i) => `    case ${i + 1}: return pyrt::put(std::get<${i + 1}>(value.value));`), "    default: return Py_NewRef(Py_None);", "  }", "}",
    `void from_py(PyObject* object, ${u.name}& value) {`,
    ...u.variants.map((v, i) => `  if (${v.type.k === "struct" ? `model_${v.type.name}.is(object)` : (checks[v.type.k] ?? "PyLong_Check(object)")}) return pyrt::take(object, value.value.emplace<${i + 1}>());`),
    `  pyrt::wrong_type("${u.variants.map((v) => (v.type.k === "struct" ? v.type.name : v.type.k)).join(", ")}", object);`, "}"];
}

/** The methods of one class: a class for each operation, and a function for each @sync one. */
function interfaceClass(context, i) {
  const out = [], table = [], client = `${i.name}Client`;
  for (const op of i.ops) {
    const name = cMember(op.name), prefix = `${i.name}_${name}`, python = pyName(op.name);
    const moved = op.params.map((p) => `std::move(p_${cMember(p.name)})`);
    const declare = op.params.map((p) => `${cppValue(context, p)} p_${cMember(p.name)}{};`);
    const take = op.params.map((p, n) => `pyrt::${p.type.k === "json" ? "json_argument" : "argument"}("${pyName(p.name)}", args[${n}], p_${cMember(p.name)});`);
    if (op.sync) {
      out.push("", `PyObject* ${prefix}_call(PyObject* self, ${op.params.length ? "" : "[[maybe_unused]] "}pyrt::Args args, Py_ssize_t count) noexcept {`, "  return pyrt::method([&] {",
        `    pyrt::check_count("${python}", "", ${op.params.length}, count);`, ...declare.map((line) => `    ${line}`), ...take.map((line) => `    ${line}`),
        `    return pyrt::call_now<${client}>(self, [&](const ${client}& client) { return client.${name}(${moved.join(", ")}); });`, "  });", "}");
      table.push(`    {"${python}", &${prefix}_call},`);
      continue;
    }
    const R = cppType(context, op.returns);
    out.push("", `struct ${prefix} final : pyrt::Operation<${R}> {`, ...declare.map((line) => `  ${line}`), "",
      `  ${prefix}() : Operation("${python}", ${op.params.length}) {}`,
      `  void take(${op.params.length ? "" : "[[maybe_unused]] "}pyrt::Args args) override {`, ...take.map((line) => `    ${line}`), "  }",
      `  void start(const pyrt::Interface& interface, CallOptions options, pyrt::Done<${R}> done) override {`,
      `    interface.client<${client}>().start_${name}(${[...moved, "std::move(options)", "std::move(done)"].join(", ")});`, "  }", "};");
    table.push(`    {"${python}", &pyrt::blocking<${prefix}>},`, `    {"${python}_async", &pyrt::awaited<${prefix}>},`);
  }
  return [...out, "", `constexpr pyrt::MethodSpec methods_of_${i.name}[] = {`, ...table, "};"];
}
