// Codec specialisations (how structs and unions cross the boundary) and views.
import { aggregatesOf, cMember, indent, isAppended, sinceNote } from "../common.js";
import { cConstant, cFieldType, cName } from "../c/names.js";
import { layoutOf } from "../c/layout.js";
import { comment, fieldType, fieldViewType, qualified, valueType, viewType } from "./names.js";

const indented = (lines, n = 2) => lines.map((line) => indent(line, n));
const typeOf = (module, x) => ({ ns: module.name, name: x.name });

/** Declarations; the bodies follow the views, which they return. */
export function codecDeclarations(module, index) {
  const aggregates = aggregatesOf(module);
  if (!aggregates.length) return [];
  return [
    "namespace trunkline::abi {",
    "",
    ...aggregates.flatMap((x) => declaration(module, x, index)),
    "}  // namespace trunkline::abi",
    "",
  ];
}

function declaration(module, x, index) {
  const value = qualified(typeOf(module, x));
  const c = cName(typeOf(module, x));
  return [
    "template <>",
    `struct Codec<${value}> {`,
    `  using C = ${c};`,
    `  using View = ${value}View;`,
    "  static constexpr bool kAggregate = true;",
    `  static constexpr bool kFrozen = ${Boolean(x.frozen)};`,
    `  static constexpr std::size_t kMinSize = ${minSize(x, index)};`,
    `  static C lower(const ${value}& v, Arena& arena);`,
    `  static void lift(const C& c, ${value}& v);`,
    "  static void check(const C& c, const char* what);",
    "  static View view(const C& c);",
    "};",
    "",
  ];
}

/** Size of the C struct in the version that introduced it. */
function minSize(x, index) {
  if (!x.fields) return 24;
  return layoutOf({ ...x, fields: x.fields.filter((f) => !isAppended(f, x)) }, index).size;
}

/** What is needed in place: a view is a pointer. */
export function codecViews(module) {
  const aggregates = aggregatesOf(module);
  if (!aggregates.length) return [];
  return [
    "namespace trunkline::abi {",
    "",
    ...aggregates.map((x) => {
      const value = qualified(typeOf(module, x));
      return `inline ${value}View Codec<${value}>::view(const ${cName(typeOf(module, x))}& c) { return ${value}View(c); }`;
    }),
    "",
    "}  // namespace trunkline::abi",
    "",
  ];
}

export function codecBodies(module) {
  const aggregates = aggregatesOf(module);
  return [
    "namespace trunkline::abi {",
    "",
    ...aggregates.flatMap((x) => (x.fields ? structBodies(module, x) : unionBodies(module, x))),
    "}  // namespace trunkline::abi",
    "",
  ];
}

function structBodies(module, s) {
  const value = qualified(typeOf(module, s));
  const c = cName(typeOf(module, s));
  const member = (f) => `Member<${fieldTypeQualified(f)}>`;
  const guarded = (f, statement) => (isAppended(f, s) ? `if (TL_HAS(&c, ${cMember(f.name)})) ${statement}` : statement);
  const each = (make) => s.fields.map((f) => make(f, cMember(f.name)));
  return [
    `TL_INLINE ${c} Codec<${value}>::lower(const ${value}& v, [[maybe_unused]] Arena& arena) {`,
    `  ${c} c{};`,
    ...(s.frozen ? [] : ["  c.struct_size = sizeof c;"]),
    ...each((f, n) => `  c.${n} = ${member(f)}::lower(v.${n}, arena);`),
    "  return c;",
    "}",
    `TL_INLINE void Codec<${value}>::lift(const ${c}& c, ${value}& v) {`,
    ...each((f, n) => "  " + guarded(f, `${member(f)}::lift(c.${n}, v.${n});`)),
    "}",
    `TL_INLINE void Codec<${value}>::check(const ${c}& c, [[maybe_unused]] const char* what) {`,
    ...(s.frozen ? ["  (void)c;"] : ["  check_struct(&c, c.struct_size, kMinSize, what);"]),
    ...each((f, n) => "  " + guarded(f, `${member(f)}::check(c.${n}, "${n}");`)),
    "}",
    "",
  ];
}
/** Types inside namespace trunkline::abi: declared ones fully qualified. */
function fieldTypeQualified(f) {
  return fieldType(f, undefined);
}

function unionBodies(module, u) {
  const value = qualified(typeOf(module, u));
  const c = cName(typeOf(module, u));
  const cases = (make) => u.variants.flatMap((v) => [`case ${cConstant(typeOf(module, u), v.name)}: ${make(v, `Member<${valueType(v.type)}>`)} break;`]);
  return [
    `TL_INLINE ${c} Codec<${value}>::lower(const ${value}& v, [[maybe_unused]] Arena& arena) {`,
    `  ${c} c{};`,
    "  c.kind = static_cast<std::int32_t>(v.value.index());",
    "  switch (c.kind) {",
    ...indented(cases((v, m) => `c.as.${cMember(v.name)} = ${lowered(v, m)};`), 4),
    "  }",
    "  return c;",
    "}",
    `TL_INLINE void Codec<${value}>::lift(const ${c}& c, ${value}& v) {`,
    "  switch (c.kind) {",
    ...indented(cases((v, m) => `${m}::lift(c.as.${cMember(v.name)}, v.value.emplace<${v.kind}>());`), 4),
    "    default: v.value.emplace<0>();  // from a newer peer",
    "  }",
    "}",
    `TL_INLINE void Codec<${value}>::check(const ${c}& c, [[maybe_unused]] const char* what) {`,
    "  switch (c.kind) {",
    ...indented(cases((v, m) => `${m}::check(c.as.${cMember(v.name)}, "${cMember(v.name)}");`), 4),
    "    default: break;",
    "  }",
    "}",
    "",
  ];
}
const lowered = (v, member) => {
  const held = `std::get<${v.kind}>(v.value)`;
  return v.type.frozen ? `arena.one(${member}::lower(${held}, arena))` : `${member}::lower(${held}, arena)`;
};

// ---- views ----

export const viewForwards = (module) => aggregatesOf(module).map((x) => `class ${x.name}View;`);

export const views = (module) => aggregatesOf(module).flatMap((x) => (x.fields ? structView(module, x) : unionView(module, x)));

function structView(module, s) {
  const here = module.name;
  const c = cName(typeOf(module, s));
  const accessors = s.fields.flatMap((f) => {
    const n = cMember(f.name);
    const missing = isAppended(f, s) ? `if (!TL_HAS(c_, ${n})) return {}; ` : "";
    return [
      ...comment(f.doc, sinceNote(f)),
      `${fieldViewType(f, here)} ${n}() const { ${missing}return abi::Member<${fieldType(f, here)}>::view(c_->${n}); }`,
    ];
  });
  return [...viewHead(s.name, c), ...indented(accessors), ...viewTail(s.name, c)];
}

function unionView(module, u) {
  const here = module.name;
  const type = typeOf(module, u);
  const c = cName(type);
  const accessors = u.variants.flatMap((v) => {
    const n = cMember(v.name);
    return [
      ...comment(v.doc, ["Absent when it holds something else.", ...sinceNote(v)]),
      `std::optional<${viewType(v.type, here)}> ${n}() const {`,
      `  if (c_->kind != ${cConstant(type, v.name)}) return std::nullopt;`,
      `  return abi::Member<${valueType(v.type, here)}>::view(c_->as.${n});`,
      "}",
    ];
  });
  return [
    ...viewHead(u.name, c),
    "  /// May be a value that is not known here.",
    `  ${u.name}::Kind kind() const { return static_cast<${u.name}::Kind>(c_->kind); }`,
    ...indented(accessors),
    ...viewTail(u.name, c),
  ];
}

function viewHead(name, c) {
  return [
    `/// ${name} in C form, read in place.`,
    `class ${name}View {`,
    " public:",
    `  ${name}View() = default;`,
    `  explicit ${name}View(const ${c}& c) : c_(&c) {}`,
    "",
  ];
}
function viewTail(name, c) {
  return [
    "",
    `  ${name} copy() const {`,
    `    ${name} value;`,
    `    abi::Codec<${name}>::lift(*c_, value);`,
    "    return value;",
    "  }",
    `  const ${c}* raw() const { return c_; }`,
    "",
    " private:",
    `  const ${c}* c_ = nullptr;`,
    "};",
    "",
  ];
}
