// Providers in JavaScript: C++ behind a provider interface that queues its operations (<module>_provide.cpp), and the table by which
// lib/provider.cjs reads and writes them (provide.cjs).
import { BANNER, cMember, indent, interfacesOf, snake } from "./common.js";
import { fieldViewType, givenType, valueType } from "./cpp/names.js";

const root = "bindings/node/generated";
const namespaceOf = (module) => (module.name === "trunkline" ? "trunkline" : `trunkline::${module.name}`);

/** Interfaces that JavaScript can implement: what must complete at once is constant. */
export const provided = (module) => interfacesOf(module, "provider").filter((i) => i.ops.every((op) => op.returns.k !== "stream" && (!op.sync || op.params.length === 0)));
const events = (module) => (provided(module).length ? interfacesOf(module, "events") : []);
const waiting = (i) => i.ops.filter((op) => !op.sync);
const constants = (i) => i.ops.filter((op) => op.sync);

/** `wired`: modules that have a _wire.hpp. */
export function emitProvideCpp(ir, wired) {
  const modules = ir.modules.filter((module) => provided(module).length);
  const out = Object.fromEntries(modules.map((module) => [`${root}/${module.file}_provide.cpp`, source(module, wired)]));
  const all = modules.flatMap(provided), emitted = modules.flatMap((m) => events(m).flatMap((i) => i.ops.map((op) => emitName(i, op))));
  out[`${root}/provide.cpp`] = text([
    `// ${BANNER}`, '#include "generated/provide.hpp"', "", "namespace trunkline::node {", "",
    "std::span<const ProvidedInterface> provided_interfaces() {", "  static constexpr ProvidedInterface kAll[] = {",
    ...all.map((i) => `      {"${i.id}", ${waiting(i).length}, &make_${snake(i.name)}_of_js},`), "  };", "  return kAll;", "}", "",
    "std::span<const ProvidedEvent> provided_events() {", "  static constexpr ProvidedEvent kAll[] = {", ...emitted.map((name) => `      {&${name}},`), "  };", "  return kAll;", "}", "", "}  // namespace trunkline::node",
  ]);
  out[`${root}/provide.hpp`] = text([
    `// ${BANNER}`, "#pragma once", '#include "support/provider.hpp"', "", "namespace trunkline::node {",
    ...all.map((i) => `std::unique_ptr<Implementation> make_${snake(i.name)}_of_js(JobQueue& queue, std::uint32_t instance, std::uint32_t first, Reader& constants);`),
    ...emitted.map((name) => `void ${name}(const Host& host, Reader& in, Request request);`), "}  // namespace trunkline::node",
  ]);
  return out;
}
const text = (lines) => `${lines.join("\n")}\n`;
const emitName = (i, op) => `emit_${snake(i.name)}_${snake(op.name)}`;

function source(module, wired) {
  const used = [module.name, ...module.imports].filter((ns) => wired.has(ns)).map((ns) => `#include "generated/${ns === "trunkline" ? "common" : ns}_wire.hpp"`).sort();
  return text([
    `// ${BANNER}`, '#include "generated/provide.hpp"', ...used, `#include "trunkline/${module.file}_client.hpp"`, `#include "trunkline/${module.file}_provider.hpp"`, "",
    "namespace trunkline::node {", "namespace {", ...provided(module).flatMap((i) => implementation(module, i)), "", "}  // namespace", "",
    ...provided(module).flatMap((i) => [
      `std::unique_ptr<Implementation> make_${snake(i.name)}_of_js(JobQueue& queue, std::uint32_t instance, std::uint32_t first, Reader& constants) {`,
      `  return std::make_unique<${i.name}OfJs>(queue, instance, first, constants);`, "}"]),
    ...events(module).flatMap((i) => i.ops.flatMap((op) => emitter(module, i, op))), "", "}  // namespace trunkline::node",
  ]);
}

function implementation(module, i) {
  const ns = namespaceOf(module);
  const out = ["", `class ${i.name}OfJs final : public ${ns}::${i.name} {`, " public:",
    `  ${i.name}OfJs(JobQueue& queue, std::uint32_t instance, std::uint32_t first, [[maybe_unused]] Reader& constants)`, "      : queue_(queue), instance_(instance), first_(first) {",
    ...constants(i).map((op) => `    read(constants, ${cMember(op.name)}_);`), "  }"];
  waiting(i).forEach((op, n) => {
    const result = givenType(op.returns);
    const params = ["const Call& call", ...op.params.map((p) => `${fieldViewType(p)} ${cMember(p.name)}`), `Completion<${result}> done`];
    const own = op.params.map((p) => {
      const name = cMember(p.name), type = valueType(p.type);
      if (fieldViewType(p) === (p.optional ? `std::optional<${type}>` : type)) return name;
      return p.optional ? `abi::own_optional<${type}>(${name})` : `abi::own<${type}>(${name})`;
    });
    out.push(`  void start_${snake(op.name)}(${params.join(", ")}) override {`, `    queue_.submit<${result}>(${["instance_", `first_ + ${n}`, "call", "std::move(done)", ...own].join(", ")});`, "  }");
  });
  for (const op of constants(i)) out.push(`  ${givenType(op.returns)} ${cMember(op.name)}(const Call&) override { return ${cMember(op.name)}_; }`);
  return [...out, "", " private:", "  JobQueue& queue_;", "  const std::uint32_t instance_, first_;", ...constants(i).map((op) => `  ${givenType(op.returns)} ${cMember(op.name)}_{};`), "};"];
}

function emitter(module, i, op) {
  const type = (p) => (p.optional ? `std::optional<${valueType(p.type)}>` : valueType(p.type));
  const args = [...op.params.map((p) => `std::move(p_${cMember(p.name)})`), "std::move(request.options)", `answer<${valueType(op.returns)}>(std::move(request.reply))`];
  return ["", `void ${emitName(i, op)}(const Host& host, Reader& in, Request request) {`,
    ...op.params.flatMap((p) => [`  ${type(p)} p_${cMember(p.name)}{};`, `  read(in, p_${cMember(p.name)});`]),
    `  host.get<${namespaceOf(module)}::${i.name}Client>().start_${snake(op.name)}(${args.join(", ")});`, "}"];
}

/** generated/provide.cjs; `Context` is the one of node-js.js. */
export function emitProvideJs(ir, Context, camel) {
  const parts = [], requires = new Map();
  let event = 0;
  for (const module of ir.modules.filter((m) => provided(m).length)) {
    const context = new Context({ name: `provide:${module.name}` });
    const body = [];
    for (const i of provided(module)) {
      const ops = waiting(i).map((op) => {
        const reads = op.params.map((p) => (p.optional ? `r.boolean() ? ${context.read(p.type)} : undefined` : context.read(p.type)));
        const write = op.returns.k === "void" ? "() => {}" : `(w, v) => ${context.write(op.returns, "", "v")}`;
        return `    { name: ${JSON.stringify(camel(op.name))}, read: (r) => [${reads.join(", ")}], write: ${write} },`;
      });
      const fixed = constants(i).map((op) => `    { name: ${JSON.stringify(camel(op.name))}, write: (w, v) => ${context.write(op.returns, "", "v")} },`);
      const told = events(module).flatMap((e) => (e.source && e.source !== i.name ? [] : e.ops.map((op) => {
        const number = event + events(module).slice(0, events(module).indexOf(e)).reduce((sum, other) => sum + other.ops.length, 0) + e.ops.indexOf(op);
        const writes = op.params.map((p, n) => context.writeItem(p, `a[${n}]`));
        return `    { name: ${JSON.stringify(camel(op.name))}, number: ${number}, write: (w, a) => { ${writes.join(" ")} } },`;
      })));
      body.push(`  ${JSON.stringify(i.id)}: {`, "    operations: [", ...ops.map((l) => indent(l, 2)), "    ],", "    constants: [", ...fixed.map((l) => indent(l, 2)), "    ],", "    events: [", ...told.map((l) => indent(l, 2)), "    ],", "  },");
    }
    event += events(module).reduce((sum, e) => sum + e.ops.length, 0);
    parts.push({ context, body });
  }
  const lines = [`// ${BANNER}`, "// Operations of providers that JavaScript implements: how their arguments are read and their results written.", '"use strict";'];
  const helpers = new Map();
  for (const { context } of parts) {
    for (const [file, names] of context.imports) {
      if (!requires.has(file)) requires.set(file, new Set());
      for (const name of names) requires.get(file).add(name);
    }
    for (const [name, declaration] of context.helpers) helpers.set(name, declaration);
  }
  for (const [file, names] of [...requires].sort()) lines.push(`const { ${[...names].sort().join(", ")} } = require("./wire/${file}.cjs");`);
  lines.push("", ...helpers.values(), "", "module.exports = {", ...parts.flatMap(({ body }) => body), "};", "");
  return lines.join("\n");
}
