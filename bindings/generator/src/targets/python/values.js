// The value types of a module: enums, dataclasses and unions in plain Python.
import { BANNER, aggregatesOf, interfacesOf } from "../common.js";
import { apiClasses } from "./api.js";
import { allList, docOf, docstring, enumMember, imports, library, literal, maybe, offered, pyDoc, pyName, pyType, typeImports } from "./types.js";

export function valuesModule(context, module) {
  const interfaces = interfacesOf(module, ...offered);
  const body = [];
  for (const e of module.enums) body.push("", "", ...enumClass(e));
  for (const x of aggregatesOf(module)) body.push("", "", ...(x.fields ? dataclass(x) : union(x)));
  body.push("", "", "_native.register(globals())", ...apiClasses(context, module, "sync"), "");
  const text = body.join("\n");
  const head = [`# ${BANNER}`, docstring(module.doc, 0), "", "from __future__ import annotations", "", imports(text, ["builtins", "datetime", "enum", "typing"], library, [
    ["._native", [`${module.file} as _native`]], ["._model", ["dataclass", "field"]], ["._objects", ["HostObject", "Provider", "Service", "model_of"]], ["._stream", ["Stream"]],
    ...typeImports(context, ".", module),
  ]), "", allList([...module.enums, ...module.structs, ...module.unions, ...interfaces].map((x) => x.name))];
  return head.join("\n") + text.replace(/^\n*/, "\n\n\n");
}

function enumClass(e) {
  const out = [`class ${e.name}(enum.IntEnum):`, docstring(docOf(e) + "\n\nA value that this version does not know stays a plain int.", 4), ""];
  e.members.forEach((member, i) => out.push(...(i ? [""] : []), `    ${enumMember(member.name)} = ${member.value}`, docstring(docOf(member), 4)));
  return out;
}

/** A list that may be empty need not be given. */
const isListDefault = (field) => literal(field) === "list" || (field.type.k === "list" && !field.optional && !field.minItems && !field.default);

function dataclass(s) {
  const out = ["@dataclass(slots=True, kw_only=True)", `class ${s.name}:`, docstring(docOf(s), 4), ""];
  s.fields.forEach((f, i) => {
    const value = literal(f);
    let assigned = value === undefined ? "" : ` = ${value}`;
    if (isListDefault(f)) assigned = ` = field(default_factory=list${f.secret ? ", repr=False" : ""})`;
    else if (f.secret) assigned = ` = field(${value === undefined ? "" : `default=${value}, `}repr=False)`;
    out.push(...(i ? [""] : []), `    ${pyName(f.name)}: ${maybe(f, pyType(f.type))}${assigned}`, docstring(docOf(f), 4));
  });
  return out;
}

function union(u) {
  const kinds = u.variants.map((v) => pyType(v.type));
  if (new Set(kinds).size !== kinds.length) throw new Error(`python: two variants of ${u.name} have one type; give one of them a model of its own`);
  // A union of a newer peer may hold what this version does not know: that is None.
  const variants = u.variants.map((v) => `- \`${pyType(v.type)}\`: ${pyDoc(v.doc)}`).join("\n");
  return [`${u.name}: TypeAlias = Union[${[...kinds, "None"].join(", ")}]`, docstring(`${u.doc} None: of a kind that this version does not know.\n\n${variants}`, 0)];
}
