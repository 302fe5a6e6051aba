// Names and types of the C++ SDK.
import { cMember, docLines, isAggregate, isStringLike, pascal } from "../common.js";

export const namespaceOf = (module) => (module.name === "trunkline" ? "trunkline" : `trunkline::${module.name}`);
export const header = (module, suffix = "") => `trunkline/${module.file}${suffix}.hpp`;
/** A header's definitions, which it includes at its end unless they are compiled apart. */
export const inlineHeader = (module, suffix = "") => `trunkline/inline/${module.file}${suffix}.hpp`;
export const inlineTail = (module, suffix = "") => ["#ifndef TRUNKLINE_COMPILED", `#include "${inlineHeader(module, suffix)}"`, "#endif", ""];
export const constant = (name) => `k${pascal(name)}`;

const builtIn = {
  str: "std::string", json: "std::string", bytes: "Bytes", bool: "bool", i32: "std::int32_t", u32: "std::uint32_t",
  i64: "std::int64_t", u64: "std::uint64_t", f64: "double", time: "Time", duration: "Duration", void: "void", map: "Properties",
};
const viewOf = { str: "std::string_view", json: "std::string_view", bytes: "BytesView", map: "MapView" };

/** Name of a declared type as seen from module `here`; fully qualified without one. */
export function qualified(type, here) {
  if (type.ns === here || (type.ns === "trunkline" && here)) return type.name;
  if (type.ns === "trunkline") return `::trunkline::${type.name}`;
  return here ? `${type.ns}::${type.name}` : `::trunkline::${type.ns}::${type.name}`;
}

/** Owned value. */
export function valueType(type, here) {
  if (builtIn[type.k]) return builtIn[type.k];
  if (type.k === "list") return `std::vector<${valueType(type.of, here)}>`;
  return qualified(type, here);
}
export const fieldType = (f, here) => (f.optional ? `std::optional<${valueType(f.type, here)}>` : valueType(f.type, here));

/** Zero-copy view. */
export function viewType(type, here) {
  if (viewOf[type.k]) return viewOf[type.k];
  if (type.k === "list") return `ListView<${valueType(type.of, here)}>`;
  if (isAggregate(type)) return `${qualified(type, here)}View`;
  return valueType(type, here);
}
export const fieldViewType = (f, here) => (f.optional ? `std::optional<${viewType(f.type, here)}>` : viewType(f.type, here));

/** Result as the implementing and as the calling side see it. */
export const givenType = (type, here) => (type.k === "stream" ? `std::unique_ptr<StreamSource<${valueType(type.of, here)}>>` : valueType(type, here));
export const takenType = (type, here) => (type.k === "stream" ? `StreamClient<${valueType(type.of, here)}>` : valueType(type, here));

/** A default as a C++ expression. */
export function defaultValue(f, here) {
  const { k, value } = f.default;
  if (k === "enum") return `${qualified(f.type, here)}::${constant(value)}`;
  if (k === "string") return JSON.stringify(value);
  if (k === "duration") return durationLiteral(value);
  if (k === "list") return "{}";
  return String(value);
}
function durationLiteral(ns) {
  const units = [["hours", 3600e9], ["minutes", 60e9], ["seconds", 1e9], ["milliseconds", 1e6], ["microseconds", 1e3]];
  for (const [unit, size] of units) if (ns !== 0 && ns % size === 0) return `std::chrono::${unit}{${ns / size}}`;
  return `Duration{${ns}}`;
}

/** `type name` of a parameter, with its default when `withDefault`. */
export function parameter(f, here, withDefault) {
  const base = `${fieldType(f, here)} ${cMember(f.name)}`;
  if (!withDefault) return base;
  if (f.default) return `${base} = ${defaultValue(f, here)}`;
  return f.optional ? `${base} = {}` : base;
}
/** Parameters with defaults only where everything behind has one too. */
export function parameters(params, here) {
  let open = true;
  return params
    .map((p) => p)
    .reverse()
    .map((p) => {
      open &&= Boolean(p.default || p.optional);
      return parameter(p, here, open);
    })
    .reverse();
}
/** True when a coroutine would copy more than a word for it. */
export const isMoved = (f) => f.optional || isStringLike(f.type) || ["bytes", "list", "map", "struct", "union"].includes(f.type.k);
export const moved = (f) => (isMoved(f) ? `std::move(${cMember(f.name)})` : cMember(f.name));

/** A doc comment. */
export function comment(doc, notes = []) {
  return docLines(doc, notes, 120).map((line) => `/// ${line}`.trimEnd());
}
export const errorName = (name) => constant(name);

/** Breaks `head(a, b, c)tail` into lines of at most 130 characters. */
export function breakCall(head, args, tail, depth = 2) {
  const line = `${head}(${args.join(", ")})${tail}`;
  if (line.length + depth <= 130) return [line];
  const lines = [];
  let current = `${head}(`;
  args.forEach((arg, i) => {
    const piece = arg + (i + 1 < args.length ? "," : `)${tail}`);
    if (current.length + piece.length + depth > 129 && i > 0) {
      lines.push(current.trimEnd());
      current = " ".repeat(head.length + 1);
    }
    current += piece + " ";
  });
  lines.push(current.trimEnd());
  return lines;
}
