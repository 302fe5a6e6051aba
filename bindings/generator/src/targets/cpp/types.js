// trunkline/<module>.hpp: values, views and codecs.
import { BANNER, aggregatesOf, oneLine } from "../common.js";
import { cConstant, cHeader } from "../c/names.js";
import { codecBodies, codecDeclarations, codecViews, viewForwards, views } from "./codecs.js";
import { constant, header, inlineTail, namespaceOf } from "./names.js";
import { enumeration, struct, union } from "./values.js";

/** Written by hand in error.hpp; the generated header checks that it is the same. */
const isHandWritten = (module, e) => module.name === "trunkline" && e.name === "ErrorCode";

export function types(module, index) {
  const imports = module.imports.map((name) => header(index.modules.get(name)));
  const base = module.name === "trunkline" ? [] : ["trunkline/common.hpp"];
  const includes = [...new Set(["trunkline/codec.hpp", cHeader(module), ...base, ...imports])].sort();
  const ns = namespaceOf(module);
  const aggregates = aggregatesOf(module);
  return [
    `// ${BANNER}`,
    `// ${oneLine(module.doc)}`,
    "#pragma once",
    "#include <chrono>",
    "#include <optional>",
    "#include <string>",
    "#include <utility>",
    "#include <variant>",
    "#include <vector>",
    "",
    ...includes.map((path) => `#include "${path}"`),
    "",
    `namespace ${ns} {`,
    "",
    ...module.enums.flatMap((e) => (isHandWritten(module, e) ? errorCodeChecks(module, e) : enumeration(module, e))),
    ...aggregates.flatMap((x) => (x.fields ? struct(module, x) : union(module, x))),
    ...(aggregates.length ? [...viewForwards(module), ""] : []),
    `}  // namespace ${ns}`,
    "",
    ...codecDeclarations(module, index),
    ...(aggregates.length ? [`namespace ${ns} {`, "", ...views(module), `}  // namespace ${ns}`, ""] : []),
    ...codecViews(module),
    ...(aggregates.length ? inlineTail(module) : []),
  ].join("\n");
}

/** trunkline/inline/<module>.hpp: how its values cross the boundary. */
export function typeDefinitions(module) {
  return [`// ${BANNER}`, "#pragma once", `#include "${header(module)}"`, "", ...codecBodies(module)].join("\n");
}

function errorCodeChecks(module, e) {
  const type = { ns: module.name, name: e.name };
  return [
    "// ErrorCode is written by hand in error.hpp, which needs nothing of the ABI.",
    ...e.members.map((m) => `static_assert(static_cast<std::int32_t>(ErrorCode::${constant(m.name)}) == ${cConstant(type, m.name)});`),
    "",
  ];
}
