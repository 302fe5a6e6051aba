// Enums, structs and unions as C++ values.
import { cMember, indent, sinceNote } from "../common.js";
import { comment, constant, defaultValue, fieldType, valueType } from "./names.js";

const indented = (lines, n = 2) => lines.map((line) => indent(line, n));

export function enumeration(module, e) {
  const members = e.members.flatMap((m) => [...comment(m.doc, sinceNote(m)), `${constant(m.name)} = ${m.value},`]);
  return [...comment(e.doc, sinceNote(e)), `enum class ${e.name} : std::int32_t {`, ...indented(members), "};", ""];
}

export function struct(module, s) {
  const fields = s.fields.flatMap((f) => {
    const initial = f.default && f.default.k !== "list" ? ` = ${defaultValue(f, module.name)}` : "{}";
    return [...comment(f.doc, sinceNote(f)), `${fieldType(f, module.name)} ${cMember(f.name)}${initial};`];
  });
  const compare = s.fields.length ? ["", `bool operator==(const ${s.name}&) const = default;`] : [];
  return [...comment(s.doc, sinceNote(s)), `struct ${s.name} {`, ...indented([...fields, ...compare]), "};", ""];
}

/** A struct around a std::variant: an alias would make overloads for two unions of the same types clash. */
export function union(module, u) {
  const types = u.variants.map((v) => valueType(v.type, module.name));
  const accessors = u.variants.flatMap((v, i) => [
    "",
    ...comment(v.doc, ["nullptr when it holds something else.", ...sinceNote(v)]),
    `const ${types[i]}* ${cMember(v.name)}() const { return std::get_if<${v.kind}>(&value); }`,
    `static ${u.name} of_${cMember(v.name)}(${types[i]} held) { return {Value(std::in_place_index<${v.kind}>, std::move(held))}; }`,
  ]);
  return [
    ...comment(u.doc, ["Holds nothing when a newer peer sent a kind that is not known here.", ...sinceNote(u)]),
    `struct ${u.name} {`,
    `  enum class Kind : std::int32_t { kUnknown = 0, ${u.variants.map((v) => `${constant(v.name)} = ${v.kind}`).join(", ")} };`,
    `  using Value = std::variant<std::monostate, ${types.join(", ")}>;`,
    "",
    "  Value value{};",
    "",
    "  Kind kind() const { return static_cast<Kind>(value.index()); }",
    ...indented(accessors),
    "",
    `  bool operator==(const ${u.name}&) const = default;`,
    "};",
    "",
  ];
}
