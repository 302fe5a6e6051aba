// The conformance kit's table of what providers offer: every operation, its declared errors, and how it is called with arguments
// that say nothing.
import { BANNER, cMember, interfacesOf, snake } from "./common.js";
import { constant, header } from "./cpp/names.js";

export const roots = ["runtime/conformance"];

export function emit(ir) {
  const providers = ir.modules.flatMap((m) => interfacesOf(m, "provider").map((i) => ({ m, i })));
  const headers = [...new Set(providers.map(({ m }) => header(m, "_client")))].sort();
  return {
    "runtime/conformance/operations.cpp": [
      `// ${BANNER}`,
      "// clang-format off",
      '#include "runtime/conformance/operations.h"',
      ...headers.map((path) => `#include "${path}"`),
      "",
      "namespace trunkline::conformance {",
      "namespace {",
      "",
      "using enum ErrorCode;",
      ...providers.flatMap(({ m, i }) => i.ops.flatMap((op) => definition(m, i, op))),
      "",
      "constexpr OperationInfo kOperations[] = {",
      ...providers.flatMap(({ i }) => i.ops.map((op) => `    {"${i.id}", "${cMember(op.name)}", ${Boolean(op.sync)}, ${name(i, op)}_errors, ${name(i, op)}},`)),
      "};",
      "",
      "}  // namespace",
      "",
      "std::span<const OperationInfo> all_operations() { return kOperations; }",
      "",
      "}  // namespace trunkline::conformance",
      "",
    ].join("\n"),
  };
}

const name = (i, op) => `${snake(i.name)}_${snake(op.name)}`;
/** A resource that there is, else nothing. */
const argument = (p) => (p.name === "resourceId" ? "std::string(kResourceId)" : "{}");

function definition(m, i, op) {
  const client = `${m.name}::${i.name}Client(target, calls)`;
  const args = op.params.map(argument);
  const body = op.sync
    ? `settle_now([&] { (void)${client}.${cMember(op.name)}(${[...args, "std::move(options)"].join(", ")}); }, std::move(done));`
    : `${client}.start_${snake(op.name)}(${[...args, "std::move(options)", "settle(std::move(done))"].join(", ")});`;
  return [
    "",
    `constexpr std::array<ErrorCode, ${op.raises.length}> ${name(i, op)}_errors{${op.raises.map(constant).join(", ")}};`,
    `void ${name(i, op)}(tl_iface target, CallTable& calls, CallOptions options, Settled done) {`,
    `  ${body}`,
    "}",
  ];
}
