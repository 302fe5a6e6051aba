// JavaScript of the Node.js package: for each module wire/<module>.cjs (how its types cross), <module>.cjs (its interfaces)
// and <module>.mjs (the same objects for `import`).
import { BANNER, camel, safe } from "./common.js";
import { callable, key } from "./node-reach.js";

const root = "node/trunkline/generated";

export function emitJs(ir, reached) {
  const out = {};
  for (const module of ir.modules) {
    const wire = new WireModule(module, reached);
    out[`${root}/wire/${module.file}.cjs`] = wire.text();
    if (!callable(module).length) continue;
    const names = callable(module).map((i) => i.name).join(", ");
    out[`${root}/${module.file}.cjs`] = interfaces(module);
    out[`${root}/${module.file}.mjs`] = `// ${BANNER}\nimport module from "./${module.file}.cjs";\n\nexport const { ${names} } = module;\n`;
  }
  return out;
}

const property = (object, name) => `${object}.${name}`;
const literalKey = (name) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name));

/** Default of a field or parameter as a JavaScript literal. */
export function jsLiteral(value) {
  switch (value.k) {
    case "duration": return String(value.value / 1e6);
    case "list": return "[]";
    default: return JSON.stringify(value.value);
  }
}

const scalarMethods = { str: "string", json: "json", bytes: "bytes", bool: "boolean", i32: "int32", u32: "uint32", f64: "float64", i64: "int64", u64: "uint64", time: "time", duration: "duration", map: "record" };
const scalarReads = { ...scalarMethods, i32: "number", u32: "number", f64: "number", duration: "number" };
const method = (type, table) => (type.safe ? "safeint" : table[type.k]);

/** Collects the helpers that a file needs before its functions. */
export class Context {
  constructor(module) {
    this.module = module;
    this.imports = new Map(); // module file -> names
    this.helpers = new Map(); // name -> declaration
  }
  /** `name` of the wire module `ns`, imported when it is another one. */
  name(ns, name) {
    if (ns === this.module.name && this.local) return name;
    const file = ns === "trunkline" ? "common" : ns;
    if (!this.imports.has(file)) this.imports.set(file, new Set());
    this.imports.get(file).add(name);
    return name;
  }
  helper(name, declaration) {
    this.helpers.set(name, `const ${name} = ${declaration};`);
    return name;
  }

  write(type, name, value, minItems) {
    const quoted = JSON.stringify(name);
    switch (type.k) {
      case "enum": return `w.enumeration(${quoted}, ${value}, ${this.name(type.ns, type.name)})`;
      case "struct": return `w.model(${quoted}, ${value}, ${this.name(type.ns, `write${type.name}`)})`;
      case "union": return `w.union(${quoted}, ${value}, ${this.name(type.ns, `write${type.name}`)})`;
      case "list": return `w.list(${quoted}, ${value}, ${this.element(type.of)}${minItems ? `, ${minItems}` : ""})`;
      default: return `w.${method(type, scalarMethods)}(${quoted}, ${value})`;
    }
  }
  /** A function that writes one element of a list. */
  element(type) {
    const name = `each${type.name ?? scalarName(type)}`;
    return this.helper(name, `(w, x) => ${this.write(type, "", "x")}`);
  }
  read(type) {
    switch (type.k) {
      case "enum": return `r.enumeration(${this.name(type.ns, type.name)})`;
      case "struct": return `${this.name(type.ns, `read${type.name}`)}(r)`;
      case "union": return `r.union(${this.name(type.ns, `read${type.name}`)})`;
      case "list": return `r.list(${this.reader(type.of)})`;
      default: return `r.${method(type, scalarReads)}()`;
    }
  }
  /** A function that reads one value. */
  reader(type) {
    if (type.k === "struct") return this.name(type.ns, `read${type.name}`);
    return this.helper(`read${type.k === "list" ? "ListOf" : ""}${(type.k === "list" ? type.of : type).name ?? scalarName(type)}${type.k === "enum" || type.k === "union" ? "Value" : ""}`, `(r) => ${this.read(type)}`);
  }
  /** Statement that writes a field or parameter. */
  writeItem(item, value) {
    const given = item.default ? `${value} ?? ${jsLiteral(item.default)}` : value;
    const call = this.write(item.type, item.name, given, item.minItems);
    return item.optional ? `if (w.has(${value})) ${call};` : `${call};`;
  }

  prelude(wirePath) {
    const lines = [];
    for (const [file, names] of [...this.imports].sort()) lines.push(`const { ${[...names].sort().join(", ")} } = require("${wirePath}/${file}.cjs");`);
    return lines;
  }
}
const scalarName = (type) => (type.k === "list" || type.k === "map" ? `${type.k === "list" ? "List" : "Record"}${type.of.name ?? scalarName(type.of)}` : { str: "String", json: "Json", bytes: "Bytes", bool: "Boolean", i32: "Int32", u32: "Uint32", f64: "Number", i64: "Int64", u64: "Uint64", time: "Time", duration: "Duration", void: "Nothing" }[type.k]);

class WireModule extends Context {
  local = true;
  constructor(module, { written, read }) {
    super(module);
    this.writes = (x) => written.has(key(module, x));
    this.reads = (x) => read.has(key(module, x));
  }

  text() {
    const { module } = this;
    const exported = [], body = [];
    for (const e of module.enums) {
      exported.push(e.name);
      body.push(`const ${e.name} = enumeration({ ${e.members.map((m) => `${literalKey(m.name)}: ${m.value}`).join(", ")} });`);
    }
    if (body.length) body.push("");
    for (const name of module.order) {
      const struct = module.structs.find((s) => s.name === name), union = module.unions.find((u) => u.name === name);
      if (this.writes(struct ?? union)) {
        exported.push(`write${name}`);
        body.push(...(struct ? this.writeStruct(struct) : this.writeUnion(union)), "");
      }
      if (this.reads(struct ?? union)) {
        exported.push(`read${name}`);
        body.push(...(struct ? this.readStruct(struct) : this.readUnion(union)), "");
      }
    }
    const used = ["enumeration", "redacted"].filter((f) => body.some((line) => line.includes(`${f}(`)));
    const helpers = [...this.helpers.values()];
    return [
      `// ${BANNER}`, '"use strict";',
      ...(used.length ? [`const { ${used.join(", ")} } = require("../../lib/wire.cjs");`] : []),
      ...this.prelude("."), "",
      ...body, ...(helpers.length ? [...helpers, ""] : []),
      exported.length ? `module.exports = {\n${exported.map((name) => `  ${name},`).join("\n")}\n};` : "module.exports = {};", "",
    ].join("\n");
  }

  writeStruct(struct) {
    return [`function write${struct.name}(w, v) {`, ...struct.fields.map((f) => `  ${this.writeItem(f, property("v", f.name))}`), "}"];
  }
  /** Fields that are absent get no key, so results compare and print as one expects. */
  readStruct(struct) {
    const fields = struct.fields, secrets = fields.filter((f) => f.secret).map((f) => JSON.stringify(f.name));
    const first = fields.findIndex((f) => f.optional);
    const leading = first < 0 ? fields : fields.slice(0, first), rest = first < 0 ? [] : fields.slice(first);
    const object = `{${leading.map((f) => ` ${literalKey(f.name)}: ${this.read(f.type)}`).join(",")} }`;
    const done = (value) => (secrets.length ? `redacted(${value}, ${secrets.join(", ")})` : value);
    if (!rest.length) return [`function read${struct.name}(r) {`, `  return ${done(object)};`, "}"];
    return [
      `function read${struct.name}(r) {`, `  const v = ${object};`,
      ...rest.map((f) => `  ${f.optional ? "if (r.boolean()) " : ""}${property("v", f.name)} = ${this.read(f.type)};`),
      `  return ${done("v")};`, "}",
    ];
  }
  writeUnion(union) {
    return [
      `const write${union.name} = {`,
      ...union.variants.map((v) => `  ${literalKey(v.name)}: { number: ${v.kind}, write: (w, x) => ${this.write(v.type, "", "x")} },`), "};",
    ];
  }
  readUnion(union) {
    return [
      `const read${union.name} = {`,
      ...union.variants.map((v) => `  ${v.kind}: { kind: ${JSON.stringify(v.name)}, read: (r) => ${this.read(v.type)} },`), "};",
    ];
  }
}

function interfaces(module) {
  const context = new Context(module);
  const body = [];
  for (const i of callable(module)) {
    body.push(`class ${i.name} {`, "  #port;", "  constructor(port) { this.#port = port; }", `  static id = ${JSON.stringify(i.id)};`);
    i.ops.forEach((op, number) => body.push("", ...operation(context, op, number)));
    body.push("}", `exports.${i.name} = ${i.name};`, "");
  }
  const helpers = [...context.helpers.values()];
  return [`// ${BANNER}`, '"use strict";', ...context.prelude("./wire"), "", ...(helpers.length ? [...helpers, ""] : []), ...body].join("\n");
}

function operation(context, op, number) {
  const names = op.params.map((p) => safe(p.name, "js"));
  const writes = op.params.map((p, i) => context.writeItem(p, names[i]));
  const write = writes.length ? `(w) => { ${writes.join(" ")} }` : "undefined";
  const item = op.returns.k === "stream" ? op.returns.of : op.returns;
  const read = item.k === "void" ? "undefined" : context.reader(item);
  const params = op.sync ? names : [...names, "options"];
  const call = op.sync ? `sync(${number}, ${write}, ${read})` : `${op.returns.k === "stream" ? "stream" : "call"}(${number}, options, ${write}, ${read})`;
  return [`  ${camel(op.name)}(${params.join(", ")}) {`, `    return this.#port.${call};`, "  }"];
}
