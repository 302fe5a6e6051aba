// Inputs of the ABI gates (tests/abi/gates): what the compiler and libabigail look at. Drafts are left out: they may change.
import { BANNER, cMember } from "./common.js";
import { cDone, cDoneParams, cHeader, cName, cParamType } from "./c/names.js";

export const roots = ["tests/abi/gates/generated"];

/** Hand-written structs of abi.h that cross the boundary. */
const core = [
  "tl_str", "tl_bytes", "tl_list", "tl_kv", "tl_opt_bool", "tl_opt_i32", "tl_opt_u32", "tl_opt_i64", "tl_opt_u64", "tl_opt_f64",
  "tl_iface", "tl_cancel", "tl_call", "tl_stream_vtbl", "tl_stream", "tl_host", "tl_plugin_entry",
];

export function emit(ir) {
  const modules = ir.modules.filter((module) => !module.draft);
  return {
    "tests/abi/gates/generated/surface.c": surface(modules),
    "tests/abi/gates/generated/function_types.cpp": functionTypes(modules),
  };
}

/** Debug information holds only what is used: one exported function for each struct makes all of them visible. */
function surface(modules) {
  const names = modules.flatMap((m) => [...m.structs, ...m.unions, ...m.interfaces].map((x) => cName({ ns: m.name, name: x.name })));
  return [
    `/* ${BANNER} */`,
    ...modules.map((m) => `#include "${cHeader(m)}"`),
    "",
    "#define REACH(type) TL_EXPORT void abi_##type(const type *p) { (void)p; }",
    "",
    ...[...core, ...names].map((name) => `REACH(${name})`),
    "",
  ].join("\n");
}

/** Offsets do not change when a signature does: the type of every slot is compared in full. */
function functionTypes(modules) {
  const interfaces = modules.flatMap((module) => module.interfaces.map((i) => ({ module, i })));
  return [
    `// ${BANNER}`,
    "#include <type_traits>",
    "",
    ...modules.map((m) => `#include "${cHeader(m)}"`),
    "",
    ...interfaces.flatMap(({ module, i }) => {
      const vtbl = cName({ ns: module.name, name: i.name });
      return i.ops.flatMap((op) => {
        const params = op.params.map((p) => cParamType(p.type, p.optional));
        const done = `void (*)(${cDoneParams(op.returns).replace(/\b(user|result|error)\b/g, "").replace(/ ,/g, ",").replace(/ $/, "")})`;
        return [
          `static_assert(std::is_same_v<${cDone(module, i, op)}, ${done}>);`,
          `static_assert(std::is_same_v<decltype(${vtbl}::${cMember(op.name)}),`,
          `                             void (*)(${["void *", "const tl_call *", ...params, done, "void *"].join(", ")})>);`,
        ];
      });
    }),
    "",
  ].join("\n");
}
