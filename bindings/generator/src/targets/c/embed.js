// trunkline/embed.h: the services of the runtime as plain C functions.
import { BANNER, cMember, indent, interfacesOf, operationNotes, snake } from "../common.js";
import { comment } from "./header.js";
import { cDone, cErrorCode, cHeader, cName, cParam } from "./names.js";

export function embed(ir) {
  const modules = ir.modules.filter((m) => interfacesOf(m, "service").length);
  const services = modules.flatMap((module) => interfacesOf(module, "service").map((i) => ({ module, i })));
  return [
    `/* ${BANNER} */`,
    "/* The services of the runtime as C functions. Each returns 0 when it has begun the operation, whose end is `done`; or an error",
    " * code when the service does not offer it, and then `done` is never called. Arguments live until `done`, results during it. */",
    "#ifndef TRUNKLINE_EMBED_H",
    "#define TRUNKLINE_EMBED_H",
    '#include <string.h>',
    "",
    '#include "trunkline/runtime.h"',
    ...modules.map((m) => `#include "${cHeader(m)}"`),
    "",
    "#ifdef __cplusplus",
    'extern "C" {',
    "#endif",
    "",
    "/** A NUL-terminated text as the ABI wants it; NULL: absent. */",
    "static inline tl_str tl_text(const char *text) {",
    "  tl_str s = {text, text ? strlen(text) : 0};",
    "  return s;",
    "}",
    "",
    ...services.flatMap(({ module, i }) => service(module, i)),
    "#ifdef __cplusplus",
    "}",
    "#endif",
    "#endif",
    "",
  ].join("\n");
}

/** SmsService in the module service: tl_service_sms. */
const prefixOf = (module, i) => cName({ ns: module.name, name: i.name.replace(/Service$/, "") });

function service(module, i) {
  const prefix = prefixOf(module, i);
  const vtbl = cName({ ns: module.name, name: i.name });
  return [
    ...comment(i.doc, ["The service of a resource; vtbl==NULL: there is none."]),
    `static inline tl_iface ${prefix}(tl_runtime *runtime, tl_str resource) {`,
    `  return tl_runtime_service(runtime, resource, tl_text(${vtbl.toUpperCase()}_ID));`,
    "}",
    "",
    ...i.ops.flatMap((op) => operation(module, i, op, prefix, vtbl)),
  ];
}

function operation(module, i, op, prefix, vtbl) {
  const slot = cMember(op.name);
  const params = ["tl_iface service", "const tl_call *call", ...op.params.map(cParam), `${cDone(module, i, op)} done`, "void *user"];
  const head = `static inline int32_t ${prefix}_${snake(op.name)}(`;
  const line = `${head}${params.join(", ")}) {`;
  const signature = line.length <= 130 ? [line] : [`${head}${params.slice(0, 2).join(", ")},`, `${" ".repeat(head.length)}${params.slice(2).join(", ")}) {`];
  const args = ["service.self", "call", ...op.params.map((p) => cMember(p.name)), "done", "user"];
  return [
    ...comment(op.doc, [op.sync ? "Completes before it returns." : "", ...operationNotes(op, cErrorCode, cMember)]),
    ...signature,
    ...[
      `const ${vtbl} *vtbl = (const ${vtbl} *)service.vtbl;`,
      `if (!vtbl || !TL_HAS(vtbl, ${slot}) || !vtbl->${slot}) return ${cErrorCode("unimplemented")};`,
      `vtbl->${slot}(${args.join(", ")});`,
      "return 0;",
    ].map((text) => indent(text, 2)),
    "}",
    "",
  ];
}
