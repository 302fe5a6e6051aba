// One C header for each module.
import { BANNER, aggregatesOf, cMember, docLines, indent, oneLine, operationNotes, sinceNote } from "../common.js";
import { cConstant, cDeclare, cDone, cDoneParams, cErrorCode, cFieldType, cHeader, cName, cParam, cValue } from "./names.js";
import { elementNote, layoutOf } from "./layout.js";

export function comment(doc, notes) {
  const lines = docLines(doc, notes, 115);
  if (lines.length <= 1) return lines.map((line) => `/** ${line} */`);
  return ["/**", ...lines.map((line) => ` * ${line}`.trimEnd()), " */"];
}
const indented = (lines, n = 2) => lines.map((line) => indent(line, n));

export function header(module, index) {
  const guard = `TRUNKLINE_${module.file.toUpperCase()}_H`;
  const imports = module.imports.filter((name) => name !== "trunkline").map((name) => index.modules.get(name));
  const includes = ["trunkline/abi.h", ...(module.name === "trunkline" ? [] : ["trunkline/common.h"]), ...imports.map(cHeader)];
  return [
    `/* ${BANNER} */`,
    `/* ${module.namespace}: ${oneLine(module.doc)} */`,
    `#ifndef ${guard}`,
    `#define ${guard}`,
    ...includes.map((path) => `#include "${path}"`),
    "",
    "#ifdef __cplusplus",
    'extern "C" {',
    "#endif",
    "",
    ...module.enums.flatMap((e) => enumeration(module, e)),
    ...forwards(module),
    ...aggregatesOf(module).flatMap((x) => (x.fields ? struct(module, x, index) : union(module, x))),
    ...module.interfaces.flatMap((i) => vtable(module, i)),
    "#ifdef __cplusplus",
    "}",
    "#endif",
    "#endif",
    "",
  ].join("\n");
}

function enumeration(module, e) {
  const type = { ns: module.name, name: e.name };
  const members = e.members.flatMap((m) => [...comment(m.doc, sinceNote(m)), `${cConstant(type, m.name)} = ${m.value},`]);
  return [...comment(e.doc, ["Open: a newer peer may send other values.", ...sinceNote(e)]), `typedef int32_t ${cName(type)};`, "enum {", ...indented(members), "};", ""];
}

function forwards(module) {
  const names = aggregatesOf(module).map((x) => cName({ ns: module.name, name: x.name }));
  return names.length ? [...names.map((name) => `typedef struct ${name} ${name};`), ""] : [];
}

function struct(module, s, index) {
  const name = cName({ ns: module.name, name: s.name });
  const layout = layoutOf(s, index);
  const members = layout.members.flatMap((m) =>
    m.reserved
      ? [`uint8_t ${m.reserved}[${m.bytes}];`]
      : [...comment(m.field.doc, [elementNote(m.field.type), ...sinceNote(m.field)]), `${cDeclare(m.cType, m.name)};`],
  );
  return [
    ...comment(s.doc, sinceNote(s)),
    `struct ${name} {`,
    ...(s.frozen ? [] : ["  uint32_t struct_size;"]),
    ...indented(members),
    "};",
    ...layout.members.filter((m) => m.name).map((m) => `TL_ABI_ASSERT(offsetof(${name}, ${m.name}) == ${m.offset});`),
    `TL_ABI_ASSERT(sizeof(${name}) == ${layout.size});`,
    "",
  ];
}

function union(module, u) {
  const type = { ns: module.name, name: u.name };
  const name = cName(type);
  const kinds = u.variants.flatMap((v) => [...comment(v.doc, sinceNote(v)), `${cConstant(type, v.name)} = ${v.kind},`]);
  const variants = u.variants.map((v) => `${cDeclare(cFieldType(v.type.frozen ? { ...v.type, frozen: false } : v.type, false), cMember(v.name))};`);
  return [
    `/** Kinds of ${name}. Open: skip kinds that you do not know. */`,
    "enum {",
    ...indented(kinds),
    "};",
    ...comment(u.doc, sinceNote(u)),
    `struct ${name} {`,
    "  int32_t kind;",
    "  uint32_t reserved0;",
    "  union {",
    ...indented(variants, 4),
    "    uint64_t reserved[2];",
    "  } as;",
    "};",
    `TL_ABI_ASSERT(offsetof(${name}, as) == 8);`,
    `TL_ABI_ASSERT(sizeof(${name}) == 24);`,
    "",
  ];
}

const roles = {
  provider: "A plugin implements it, the host calls it.",
  events: "The host implements it, the plugin calls it.",
  hostService: "The host implements it, the plugin calls it.",
  service: "The runtime implements it, the application calls it.",
};

function vtable(module, i) {
  const name = cName({ ns: module.name, name: i.name });
  const ops = i.ops.flatMap((op) => {
    const results = op.returns.k === "list" ? [`Result elements: ${cValue(op.returns.of)}.`] : [];
    const stream = op.returns.k === "stream" ? [`Stream elements: ${cValue(op.returns.of)}.`] : [];
    const notes = [`[${op.thread}]${op.sync ? " Completes before it returns." : ""}`, ...results, ...stream, ...operationNotes(op, cErrorCode, cMember)];
    return [...comment(op.doc, notes), ...signature(module, i, op)];
  });
  const offsets = i.ops.map((op, n) => `TL_ABI_ASSERT(offsetof(${name}, ${cMember(op.name)}) == ${8 + 8 * n});`);
  return [
    ...i.ops.map((op) => `typedef void (*${cDone(module, i, op)})(${cDoneParams(op.returns)});`),
    "",
    ...comment(i.doc, [`Interface id: "${i.id}". ${roles[i.kind]}`, "`call` may be NULL: no deadline, not cancellable.", ...sinceNote(i)]),
    `typedef struct ${name} {`,
    "  uint32_t struct_size;",
    "  uint32_t reserved0;",
    ...indented(ops),
    `} ${name};`,
    ...offsets,
    `TL_ABI_ASSERT(sizeof(${name}) == ${8 + 8 * i.ops.length});`,
    `#define ${name.toUpperCase()}_ID "${i.id}"`,
    "",
  ];
}

/** A slot of a vtable, broken into lines when it is long. */
function signature(module, i, op) {
  const parameters = ["void *self", "const tl_call *call", ...op.params.map(cParam), `${cDone(module, i, op)} done`, "void *user"];
  const head = `void (*${cMember(op.name)})(`;
  const line = `${head}${parameters.join(", ")});`;
  if (line.length <= 126) return [line];
  return [`${head}${parameters.slice(0, 2).join(", ")},`, `${" ".repeat(head.length)}${parameters.slice(2).join(", ")});`];
}
