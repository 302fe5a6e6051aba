// Providers in Python: the C++ between a provider interface and Python methods, and the classes to inherit from.
import { BANNER, cMember, interfacesOf, snake } from "../common.js";
import { fieldViewType, givenType, valueType } from "../cpp/names.js";
import { allList, docOf, docstring, imports, library, maybe, pyDoc, pyName, pyType, typeImports } from "./types.js";

const namespaceOf = (module) => (module.name === "trunkline" ? "trunkline" : `trunkline::${module.name}`);

/** False when a type of it belongs to a module that Python does not see. */
const visible = (context, type) => {
  if (type.k === "list") return visible(context, type.of);
  if (type.k === "stream" || type.k === "json") return false;
  return !type.ns || context.modules.some((m) => m.name === type.ns);
};
/** Parameters that Python is given; undefined: it cannot have the operation. */
function parameters(context, op) {
  if (op.returns.k !== "void" && !visible(context, op.returns)) return undefined;
  const hidden = op.params.filter((p) => !visible(context, p.type));
  return hidden.every((p) => p.optional) ? op.params.filter((p) => visible(context, p.type)) : undefined;
}
const asyncOps = (context, i) => i.ops.filter((op) => !op.sync && parameters(context, op));
const constants = (i) => i.ops.filter((op) => op.sync && op.params.length === 0);

/** Provider interfaces all of whose operations that must complete at once are constants. */
export const providedBy = (context, module) => interfacesOf(module, "provider").filter((i) => i.ops.every((op) => !op.sync || op.params.length === 0));
const eventsOf = (module) => interfacesOf(module, "events");

export function provideSource(context, module) {
  const ns = namespaceOf(module);
  const provided = providedBy(context, module);
  return [
    `// ${BANNER}`, '#include "generated/provide.hpp"', `#include "generated/types_${module.file}.hpp"`, `#include "trunkline/${module.file}_provider.hpp"`, "",
    `namespace ${ns} {`, "namespace {", ...provided.flatMap((i) => implementation(context, module, i)), ...eventsOf(module).flatMap((i) => emitters(context, module, i)), "}  // namespace", `}  // namespace ${ns}`, "",
    "namespace trunkline::pyrt {", ...provided.flatMap((i) => table(context, module, i)),
    ...eventsOf(module).map((i) => `const std::array<ProvidedEvent, ${asyncOps(context, i).length}> kEvents_${i.name}{{${asyncOps(context, i).map((op) => `{"${i.id}", "${pyName(op.name)}", &${ns}::${i.name}_${cMember(op.name)}_emit}`).join(", ")}}};`),
    "}  // namespace trunkline::pyrt", "",
  ].join("\n");
}

/** The tables of all modules: a header that declares them, and the two lists. */
export function provideTables(context) {
  const provided = context.modules.flatMap((m) => providedBy(context, m)), events = context.modules.flatMap(eventsOf);
  return {
    "provide.hpp": [`// ${BANNER}`, "#pragma once", "#include <array>", "", '#include "support/provider.hpp"', "", "namespace trunkline::pyrt {",
      ...provided.map((i) => `extern const ProvidedInterface kProvided_${i.name};`),
      ...events.map((i) => `extern const std::array<ProvidedEvent, ${asyncOps(context, i).length}> kEvents_${i.name};`), "}  // namespace trunkline::pyrt", ""].join("\n"),
    "provide.cpp": [`// ${BANNER}`, '#include "generated/provide.hpp"', "", "namespace trunkline::pyrt {", "",
      "std::span<const ProvidedInterface> provided_interfaces() {", "  static const std::vector<ProvidedInterface> all{", ...provided.map((i) => `      kProvided_${i.name},`), "  };", "  return all;", "}", "",
      "std::span<const ProvidedEvent> provided_events() {", "  static const std::vector<ProvidedEvent> all = [] {", "    std::vector<ProvidedEvent> out;",
      ...events.map((i) => `    out.insert(out.end(), kEvents_${i.name}.begin(), kEvents_${i.name}.end());`), "    return out;", "  }();", "  return all;", "}", "", "}  // namespace trunkline::pyrt", ""].join("\n"),
  };
}

function implementation(context, module, i) {
  const here = module.name, ops = asyncOps(context, i);
  const members = constants(i).map((op) => `  const ${givenType(op.returns, here)} ${cMember(op.name)}_;`);
  const init = ["queue_(std::move(queue))", "first_(first)", ...constants(i).map((op) => `${cMember(op.name)}_(pyrt::constant<${givenType(op.returns, here)}>(constants, "${pyName(op.name)}"))`)];
  const out = ["", `class ${i.name}OfPython final : public ${i.name} {`, " public:",
    `  ${i.name}OfPython(std::shared_ptr<pyrt::ProviderQueue> queue, int first, [[maybe_unused]] PyObject* constants)`, `      : ${init.join(", ")} {}`];
  ops.forEach((op, n) => {
    const seen = parameters(context, op), result = givenType(op.returns, here);
    const params = ["const Call& call", ...op.params.map((p) => `${fieldViewType(p, here)} ${seen.includes(p) ? cMember(p.name) : ""}`.trimEnd()), `Completion<${result}> done`];
    const types = seen.map((p) => (p.optional ? `std::optional<${valueType(p.type, here)}>` : valueType(p.type, here)));
    const own = seen.map((p, k) => {
      const name = cMember(p.name);
      if (fieldViewType(p, here) === types[k]) return name;
      return p.optional ? `abi::own_optional<${valueType(p.type, here)}>(${name})` : `abi::own<${types[k]}>(${name})`;
    });
    out.push(`  void start_${snake(op.name)}(${params.join(", ")}) override {`,
      `    queue_->submit(std::make_unique<pyrt::JobOf<${[result, ...types].join(", ")}>>(${[`first_ + ${n}`, "call", "std::move(done)", ...own].join(", ")}));`, "  }");
  });
  for (const op of constants(i)) out.push(`  ${givenType(op.returns, here)} ${cMember(op.name)}(const Call&) override { return ${cMember(op.name)}_; }`);
  return [...out, "", " private:", "  const std::shared_ptr<pyrt::ProviderQueue> queue_;", "  const int first_;", ...members, "};"];
}

function table(context, module, i) {
  const list = (ops) => `{${ops.map((op) => `"${pyName(op.name)}"`).join(", ")}}`;
  const ops = asyncOps(context, i), fixed = constants(i);
  return [
    `static constexpr std::array<const char*, ${ops.length}> operations_of_${i.name}{${list(ops)}};`,
    `static constexpr std::array<const char*, ${fixed.length}> constants_of_${i.name}{${fixed.length ? list(fixed) : ""}};`,
    `const ProvidedInterface kProvided_${i.name}{"${i.id}", operations_of_${i.name}, constants_of_${i.name},`,
    "    [](std::shared_ptr<ProviderQueue> queue, int first, PyObject* constants) -> std::unique_ptr<Implementation> {",
    `      return std::make_unique<${namespaceOf(module)}::${i.name}OfPython>(std::move(queue), first, constants);`, "    }};"];
}

function emitters(context, module, i) {
  const here = module.name;
  return asyncOps(context, i).flatMap((op) => {
    const seen = parameters(context, op);
    const type = (p) => (p.optional ? `std::optional<${valueType(p.type, here)}>` : valueType(p.type, here));
    const args = op.params.map((p) => (seen.includes(p) ? `std::move(p_${cMember(p.name)})` : "{}"));
    return ["", `void ${i.name}_${cMember(op.name)}_emit(pyrt::ProviderHost& self, PyObject* const* args, Py_ssize_t count) {`,
      `  if (count != ${seen.length}) throw Error(ErrorCode::kInvalidArgument, "${pyName(op.name)} takes ${seen.length} arguments");`,
      ...seen.map((p, n) => `  ${type(p)} p_${cMember(p.name)}{};\n  pyrt::argument("${pyName(p.name)}", args[${n}], p_${cMember(p.name)});`),
      "  const pyrt::GilRelease gil;", "  const pyrt::ProviderHost::Use host(self);",
      `  host->get<${i.name}Client>().${snake(op.name)}_sync(${args.join(", ")});`, "}"];
  });
}

// ---- the classes to inherit from ----
export function providersModule(context) {
  const classes = context.modules.flatMap((m) => providedBy(context, m).map((i) => ({ m, i })));
  const text = classes.flatMap(({ m, i }) => ["", "", ...baseClass(context, m, i)]).join("\n") + "\n";
  const doc = "Base classes of providers that are written in Python.\n\nAn operation is a method, or a coroutine; it gets the arguments and, when it takes one more, the `Call`. Whatever it raises becomes the error of the call.";
  const names = [["._native", ["Call"]], ["._provider_base", ["ProviderBase"]], ...typeImports(context, ".", undefined)];
  const head = [`# ${BANNER}`, docstring(doc, 0), "", "from __future__ import annotations", "", imports(text, ["datetime", "typing"], [["collections.abc", ["Awaitable", "Mapping", "Sequence"]], ["typing", ["ClassVar", "Union"]]], names), "", allList(classes.map(({ i }) => i.name))];
  return head.join("\n") + text.replace(/^\n*/, "\n\n\n");
}

function baseClass(context, module, i) {
  const out = [`class ${i.name}(ProviderBase):`, docstring(docOf(i), 4), "", `    interface_id: ClassVar[str] = "${i.id}"`];
  for (const op of i.ops) {
    const seen = op.sync ? op.params : parameters(context, op);
    if (!seen) continue;
    const returns = pyType(op.returns);
    const params = ["self", ...seen.map((p) => `${pyName(p.name)}: ${maybe(p, pyType(p.type))}`), ...(op.sync ? [] : ["call: Call"])];
    const result = op.sync ? returns : `Union[${returns}, Awaitable[${returns}]]`;
    const line = `    def ${pyName(op.name)}(${params.join(", ")}) -> ${result}:`;
    out.push("", ...(line.length <= 118 ? [line] : [`    def ${pyName(op.name)}(`, ...params.map((p) => `        ${p},`), `    ) -> ${result}:`]), docstring(docOf(op), 8), `        raise NotImplementedError("${pyName(op.name)}")`);
  }
  for (const events of eventsOf(module))
    for (const op of asyncOps(context, events)) {
      if (events.source && events.source !== i.name) continue;
      const seen = parameters(context, op), name = pyName(op.name);
      const params = ["self", ...seen.map((p) => `${pyName(p.name)}: ${maybe(p, pyType(p.type))}`)];
      const given = [`"${events.id}"`, `"${name}"`, ...seen.map((p) => pyName(p.name))].join(", ");
      out.push("", `    def tell_${name}(${params.join(", ")}) -> None:`, docstring(`Tells the host, and waits until it has kept it. ${pyDoc(op.doc)}`, 8), `        self.host._emit(${given})`,
        "", `    async def tell_${name}_async(${params.join(", ")}) -> None:`, docstring("The same without blocking the loop.", 8), `        await self.host._emit_async(${given})`);
    }
  return out;
}
