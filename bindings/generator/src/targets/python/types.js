// Names, types, literals and doc comments of the Python target.
import { Index, RESERVED, docLines, indent, snake, upper } from "../common.js";

/** Names that a generated class or function would hide or break. */
const taken = new Set([...RESERVED.python, "self", "timeout"]);
export const pyName = (name) => (taken.has(snake(name)) ? `${snake(name)}_` : snake(name));
export const enumMember = (name) => (/^[0-9]/.test(name) ? `_${upper(name)}` : upper(name));
export const errorClass = (code) => `${code[0].toUpperCase()}${code.slice(1)}Error`;

const primitives = {
  str: "str", bytes: "bytes", bool: "bool", i32: "int", u32: "int", i64: "int", u64: "int", f64: "float", json: "typing.Any", void: "None",
  time: "datetime.datetime", duration: "datetime.timedelta",
};

/** Kinds of interfaces that have classes: those that applications call, and those that providers call of their host. */
export const offered = ["provider", "service", "events", "hostService"];

/** What the target looks at: every module but those whose interfaces are drafts. */
export class Context {
  constructor(ir) {
    this.index = new Index(ir);
    this.modules = ir.modules.filter((module) => !module.draft);
    this.errors = ir.modules.find((module) => module.name === "trunkline").enums.find((e) => e.name === "ErrorCode").members;
  }
  fileOf(ns) { return this.index.modules.get(ns).file; }
  /** The single model of an operation whose fields may be given as keywords. */
  keywordModel(op) {
    const [only] = op.params;
    if (op.params.length !== 1 || only.type.k !== "struct" || only.optional) return undefined;
    const model = this.index.type(only.type);
    return model.fields.some((field) => snake(field.name) === "timeout") ? undefined : model;
  }
}

/** In a class with a method `list`, the type of that name is hidden. */
export const unhide = (i, text) => (i.ops.some((op) => op.name === "list") ? text.replace(/\blist\[/g, "builtins.list[") : text);

/** The Python type of a reference. `given`: of an argument, which may be any sequence or mapping. */
export function pyType(type, given = false) {
  switch (type.k) {
    case "list": return `${given ? "Sequence" : "list"}[${pyType(type.of, given)}]`;
    case "map": return `${given ? "Mapping" : "dict"}[str, ${pyType(type.of, given)}]`;
    case "stream": return `Stream[${pyType(type.of)}]`;
    case "enum": case "struct": case "union": return type.name;
    default: return primitives[type.k];
  }
}
export const maybe = (field, type) => (field.optional ? `${type} | None` : type);

/** The literal of a default; undefined when there is none. Mutable ones are "list". */
export function literal(field) {
  const value = field.default;
  if (!value) return field.optional ? "None" : undefined;
  switch (value.k) {
    case "enum": return `${field.type.name}.${enumMember(value.value)}`;
    case "bool": return value.value ? "True" : "False";
    case "string": return JSON.stringify(value.value);
    case "list": return "list";
    case "duration": return timedelta(value.value);
    default: return String(value.value);
  }
}
function timedelta(ns) {
  const units = [["days", 86400e9], ["hours", 3600e9], ["minutes", 60e9], ["seconds", 1e9], ["milliseconds", 1e6], ["microseconds", 1e3]];
  if (ns === 0) return "datetime.timedelta()";
  const [unit, size] = units.find(([, size]) => ns % size === 0) ?? ["microseconds", 1e3];
  return `datetime.timedelta(${unit}=${Math.floor(ns / size)})`;
}

/** Doc text speaks of IDL names in backticks; Python's are in snake_case. */
export const pyDoc = (text) => text.replace(/`([a-z]+(?:[A-Z][a-z0-9]*)+)`/g, (_, name) => `\`${snake(name)}\``);
const sentence = (text) => (text ? text[0].toUpperCase() + text.slice(1) + (/[.!?:]$/.test(text) ? "" : ".") : text);

/** Doc text of a declaration, field or member, with the version that brought it. */
export const docOf = (item) => item.doc + (item.since !== "1.0" ? `\n\nNew in version ${item.since}.` : "");

export function docstring(text, indentation, sections = []) {
  const width = 118 - indentation;
  const lines = docLines(pyDoc(text), [], width);
  for (const [title, items] of sections) {
    if (!items.length) continue;
    lines.push("", `${title}:`);
    for (const item of items) {
      const [first, ...rest] = docLines(item, [], width - 6);
      lines.push(`    ${first}`, ...rest.map((line) => `      ${line}`));
    }
  }
  const body = lines.map((line) => line.replace(/\\/g, "\\\\").replace(/"""/g, '\\"\\"\\"'));
  return indent(body.length === 1 ? `"""${body[0]}"""` : `"""${body.join("\n")}\n"""`, indentation);
}

export function operationDoc(context, op, indentation) {
  const model = context.keywordModel(op);
  const item = (name, text) => `${name}: ${pyDoc(sentence(text))}`.trimEnd();
  const params = op.params.filter((p) => p.doc || model).map((p) => item(pyName(p.name), [sentence(p.doc), model ? `Or give the fields of \`${model.name}\` as keywords.` : ""].filter(Boolean).join(" ")));
  const stream = op.returns.k === "stream";
  if (stream) params.push(item("timeout", "Seconds to wait for each item; then `DeadlineExceededError` is raised and the stream stays usable."));
  else if (!op.sync) params.push(item("timeout", "Seconds to wait; then the call is cancelled and `DeadlineExceededError` is raised."));
  const raises = op.raises.map((code) => item(errorClass(code), context.errors.find((member) => member.name === code).doc));
  return docstring(docOf(op), indentation, [["Args", params], ["Returns", op.returnsDoc ? [sentence(pyDoc(op.returnsDoc))] : []], ["Raises", raises]]);
}

/** `from .x import A, B`, broken at 118 columns. */
function importLine(from, names) {
  const line = `from ${from} import ${names.join(", ")}`;
  return line.length <= 118 ? line : `from ${from} import (\n${names.map((name) => `    ${name},`).join("\n")}\n)`;
}

/**
 * The imports that `body` needs, as groups of lines. Candidates: plain modules, then groups of [module, names]; what the body does
 * not mention outside of its doc strings is left out.
 */
export function imports(body, plain, ...groups) {
  const code = body.replace(/"""[\s\S]*?"""/g, "");
  const uses = (name) => new RegExp(`(?<!typing\\.)\\b${name.replace(/.* as /, "")}\\b`).test(code);
  const [library, ...local] = groups.map((group) =>
    group.map(([from, names]) => [from, [...new Set(names)].filter(uses).sort()]).filter(([, names]) => names.length).map(([from, names]) => importLine(from, names)));
  const first = [...plain.filter(uses).map((name) => `import ${name}`), ...library];
  return [first, ...local].filter((group) => group.length).map((group) => group.join("\n")).join("\n\n");
}
// Any is written typing.Any: interfaces may well have a type of that name.
export const library = [
  ["collections.abc", ["Mapping", "Sequence"]],
  ["typing", ["ClassVar", "TypeAlias", "Union", "overload"]],
];

/** Candidates for the declared types of other modules. `prefix`: "." or "..". */
export const typeImports = (context, prefix, except) =>
  context.modules.filter((m) => m !== except).map((m) => [`${prefix}${m.file}`, [...m.enums, ...m.structs, ...m.unions].map((x) => x.name)]).sort();
export const allList = (names) => `__all__ = [\n${[...names].sort().map((name) => `    "${name}",`).join("\n")}\n]`;
