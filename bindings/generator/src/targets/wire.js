// Tables of how calls become bytes: every struct, and of every interface that crosses between a plugin and its host a vtable whose
// functions hand the arguments on, unread. bindings/wire/codec.cpp works through the tables.
import { createHash } from "node:crypto";
import { BANNER, Index, aggregatesOf, cMember, interfacesOf, isAggregate, isAppended } from "./common.js";
import { cDone, cDoneParams, cFieldType, cHeader, cName, cParam, cParamType, cValue } from "./c/names.js";
import { layoutOf } from "./c/layout.js";

export const roots = ["bindings/wire/generated"];

const kinds = {
  void: "kVoid", bool: "kBool", i32: "kWord32", u32: "kWord32", enum: "kWord32", i64: "kWord64", u64: "kWord64", f64: "kWord64",
  time: "kWord64", duration: "kWord64", str: "kText", json: "kText", bytes: "kBytes", list: "kList", map: "kMap", struct: "kAggregate",
  union: "kAggregate", stream: "kStream",
};
const crossing = (module) => interfacesOf(module, "provider", "events", "hostService");
/** Modules of which anything crosses: their own interfaces do, or one of those names their types. */
function modulesOf(ir) {
  const names = new Set();
  const add = (name) => {
    if (names.has(name)) return;
    names.add(name);
    ir.modules.find((m) => m.name === name)?.imports.forEach(add);
  };
  ir.modules.filter((m) => crossing(m).length).forEach((m) => add(m.name));
  return ir.modules.filter((m) => names.has(m.name));
}
const tableName = (type) => `${cName(type)}_table`;

export function emit(ir) {
  const index = new Index(ir);
  const modules = modulesOf(ir);
  const files = { "bindings/wire/generated/tables.h": declarations(modules), "bindings/wire/generated/index.cpp": list(modules) };
  for (const module of modules) {
    if (aggregatesOf(module).length || crossing(module).length) files[`bindings/wire/generated/${module.file}.cpp`] = new Tables(module, index).text();
  }
  return files;
}

function declarations(modules) {
  return [
    `// ${BANNER}`,
    "#pragma once",
    '#include "wire/table.h"',
    "",
    "namespace trunkline::wire {",
    "",
    ...modules.flatMap((m) => aggregatesOf(m).map((x) => `extern const Aggregate ${tableName({ ns: m.name, name: x.name })};`)),
    ...modules.flatMap((m) => crossing(m).map((i) => `extern const Interface ${tableName({ ns: m.name, name: i.name })};`)),
    "",
    "}  // namespace trunkline::wire",
    "",
  ].join("\n");
}

function list(modules) {
  const all = modules.flatMap((m) => crossing(m).map((i) => tableName({ ns: m.name, name: i.name })));
  const digest = createHash("sha256").update(JSON.stringify(modules)).digest("hex").slice(0, 16);
  return [
    `// ${BANNER}`,
    '#include "wire/generated/tables.h"',
    "",
    "namespace trunkline::wire {",
    "",
    `const std::uint64_t kFingerprint = 0x${digest}u;`,
    "",
    "std::span<const Interface* const> interfaces() {",
    "  static const Interface* const all[] = {",
    ...all.map((name) => `      &${name},`),
    "  };",
    "  return all;",
    "}",
    "",
    "}  // namespace trunkline::wire",
    "",
  ].join("\n");
}

class Tables {
  constructor(module, index) {
    this.module = module;
    this.index = index;
    this.elements = []; // initialisers of what lists hold
  }

  text() {
    const { module } = this;
    const aggregates = aggregatesOf(module).map((x) => this.aggregate(x));
    const interfaces = crossing(module).map((i) => this.interface(i));
    const elements = this.elements.length ? ["constexpr Type kElements[] = {", ...this.elements.map((e) => `    ${e},`), "};", ""] : [];
    return [
      `// ${BANNER}`,
      "// clang-format off",
      `#include "${cHeader(module)}"`,
      '#include "wire/generated/tables.h"',
      "",
      "namespace trunkline::wire {",
      `namespace ${module.file}_tables {`,
      "",
      ...elements,
      ...aggregates.flatMap(([fields]) => fields),
      ...interfaces.flatMap(([functions]) => functions),
      `}  // namespace ${module.file}_tables`,
      "",
      ...aggregates.flatMap(([, table]) => table),
      ...interfaces.flatMap(([, table]) => table),
      "",
      "}  // namespace trunkline::wire",
      "",
    ].join("\n");
  }

  /** The initialiser of a Type. `place`: `field`, `parameter` or `value` (an element of a list, a result). */
  type(type, optional, place) {
    const flags = [];
    if (optional) flags.push("kOptional");
    const c = place === "field" ? cFieldType(type, optional) : place === "parameter" ? cParamType(type, optional) : cValue(type);
    if (isAggregate(type) && c?.endsWith("*")) flags.push("kPointer");
    const of = type.k === "list" || type.k === "stream" ? `&kElements[${this.element(type.of)}]` : "nullptr";
    const aggregate = isAggregate(type) ? `&${tableName(type)}` : "nullptr";
    return `{Kind::${kinds[type.k]}, ${flags.join(" | ") || "0"}, ${of}, ${aggregate}}`;
  }
  element(type) {
    const made = this.type(type, false, "value");
    let at = this.elements.indexOf(made);
    if (at < 0) at = this.elements.push(made) - 1;
    return at;
  }

  aggregate(x) {
    const type = { ns: this.module.name, name: x.name };
    const c = cName(type);
    const isUnion = !x.fields;
    const rows = isUnion
      ? x.variants.map((v) => `    {"${cMember(v.name)}", offsetof(${c}, as), ${this.type(v.type.frozen ? { ...v.type, frozen: false } : v.type, false, "field")}},`)
      : x.fields.map((f) => `    {"${cMember(f.name)}", offsetof(${c}, ${cMember(f.name)}), ${this.type(f.type, f.optional, "field")}},`);
    const least = isUnion ? 24 : layoutOf({ ...x, fields: x.fields.filter((f) => !isAppended(f, x)) }, this.index).size;
    const shape = isUnion ? "Shape::kUnion" : x.frozen ? "Shape::kFrozen" : "Shape::kStruct";
    return [
      [`constexpr Field ${c}_fields[] = {`, ...rows, "};", ""],
      [`const Aggregate ${tableName(type)} = {"${c}", ${shape}, sizeof(${c}), ${least}, ${this.module.file}_tables::${c}_fields};`],
    ];
  }

  interface(i) {
    const { module } = this;
    const type = { ns: module.name, name: i.name };
    const c = cName(type);
    const functions = i.ops.flatMap((op, n) => this.operation(i, op, n, c));
    const required = i.ops.filter((op) => !isAppended(op, i)).length;
    return [
      [
        `extern const Operation ${c}_operations[];`,
        "",
        ...functions,
        `const Operation ${c}_operations[] = {`,
        ...i.ops.map((op, n) => this.row(op, n, c)),
        "};",
        `constexpr ${c} ${c}_vtbl = {${["sizeof(" + c + ")", "0", ...i.ops.map((op) => `${c}_${cMember(op.name)}`)].join(", ")}};`,
        "",
      ],
      [
        `const Interface ${tableName(type)} = {"${i.id}", &${module.file}_tables::${c}_vtbl, sizeof(${c}), ${8 + 8 * required}, ` +
          `{${module.file}_tables::${c}_operations, ${i.ops.length}}};`,
      ],
    ];
  }

  row(op, n, c) {
    const o = `${c}_${cMember(op.name)}`;
    const parameters = op.params.length ? `${o}_parameters` : "{}";
    return `    {"${cMember(op.name)}", ${n}, offsetof(${c}, ${cMember(op.name)}), ${Boolean(op.sync)}, ${parameters}, ${this.type(op.returns, false, "value")}, ${o}_invoke, ${o}_finish},`;
  }

  operation(i, op, n, c) {
    const o = `${c}_${cMember(op.name)}`;
    const done = cDone(this.module, i, op);
    const params = ["void *self", "const tl_call *call", ...op.params.map(cParam), `${done} done`, "void *user"];
    const isVoid = op.returns.k === "void";
    const given = op.params.map((p, k) => `*static_cast<${cParamType(p.type, p.optional).replace(/ \*$/, " *")} const *>(arguments[${k}])`);
    return [
      ...(op.params.length
        ? [`constexpr Field ${o}_parameters[] = {`, ...op.params.map((p) => `    {"${cMember(p.name)}", 0, ${this.type(p.type, p.optional, "parameter")}},`), "};"]
        : []),
      `void ${o}(${params.join(", ")}) {`,
      ...(op.params.length ? [`  const void *const arguments[] = {${op.params.map((p) => `&${cMember(p.name)}`).join(", ")}};`] : ["  const void *const *const arguments = nullptr;"]),
      `  static_cast<Caller *>(self)->begin(${c}_operations[${n}], call, arguments, reinterpret_cast<AnyDone>(done), user);`,
      "}",
      `void ${o}_completed(${cDoneParams(op.returns)}) {`,
      `  complete(${c}_operations[${n}], user, ${isVoid ? "nullptr" : "result"}, error);`,
      "}",
      `void ${o}_invoke(const void *vtbl, void *self, const tl_call *call, [[maybe_unused]] const void *const *arguments, void *user) {`,
      `  static_cast<const ${c} *>(vtbl)->${cMember(op.name)}(${["self", "call", ...given, `${o}_completed`, "user"].join(", ")});`,
      "}",
      `void ${o}_finish(AnyDone done, void *user, [[maybe_unused]] const void *result, tl_error *error) {`,
      isVoid
        ? `  reinterpret_cast<${done}>(done)(user, error);`
        : `  reinterpret_cast<${done}>(done)(user, static_cast<const ${cValue(op.returns)} *>(result), error);`,
      "}",
      "",
    ];
  }
}
