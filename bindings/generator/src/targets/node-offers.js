// node/trunkline/generated/providers.*: what a provider written in JavaScript inherits from, how its operations cross, and its types.
import { BANNER, camel, docLines, interfacesOf, offerable, operationNotes, safe } from "./common.js";
import { tsType } from "./dts.js";
import { Context } from "./node-js.js";

const root = "node/trunkline/generated";
const shortName = (id) => id.split("/")[0].replace(/^trunkline\./, "");

export function emitOffers(ir) {
  const all = ir.modules.flatMap((module) => offerable(module).map((i) => ({ module, i })));
  const hosts = ir.modules.flatMap((module) => interfacesOf(module, "events", "hostService").filter((i) => !i.draft).map((i) => ({ module, i })));
  const names = ["ProviderBase", ...all.map(({ i }) => i.name)];
  return {
    [`${root}/providers.cjs`]: code(structsOf(ir), all, hosts),
    [`${root}/providers.mjs`]: `// ${BANNER}\nimport module from "./providers.cjs";\n\nexport const { ${names.join(", ")} } = module;\n`,
    [`${root}/providers.d.ts`]: types(ir, all, hosts),
    [`${root}/providers.d.cts`]: `// ${BANNER}\nexport * from "./providers.js";\n`,
    [`${root}/providers.d.mts`]: `// ${BANNER}\nexport * from "./providers.js";\n`,
  };
}

const structsOf = (ir) => new Map(ir.modules.flatMap((m) => m.structs.map((s) => [`${m.name}.${s.name}`, s])));
/** Lists that need not be given in an answer that is constant. */
const looseLists = (structs, type) => structs.get(`${type.ns}.${type.name}`).fields.filter((f) => f.type.k === "list" && !f.optional && !f.minItems && !f.default).map((f) => f.name);

function code(structs, all, hosts) {
  const context = new Context({ name: "providers" });
  const tables = all.map(({ i }) => {
    const ops = i.ops.map((op) => {
      const read = op.params.map((p) => (p.optional ? `r.boolean() ? ${context.read(p.type)} : undefined` : context.read(p.type)));
      const lists = op.sync && op.returns.k === "struct" ? looseLists(structs, op.returns) : [];
      const value = lists.length ? `{ ${lists.map((name) => `${name}: []`).join(", ")}, ...v }` : "v";
      const write = op.returns.k === "void" ? "undefined" : `(w, v) => { ${context.writeItem({ name: op.sync ? op.name : "result", type: op.returns }, value)} }`;
      return `    { name: ${JSON.stringify(camel(op.name))}, sync: ${op.sync}, read: ${op.params.length ? `(r) => [${read.join(", ")}]` : "() => []"}, write: ${write} },`;
    });
    return [`  ${JSON.stringify(i.id)}: [`, ...ops, "  ],"];
  });
  const classes = all.flatMap(({ i }) => [
    "", `class ${i.name} extends ProviderBase {`, `  static interfaceId = ${JSON.stringify(i.id)};`, "}", `exports.${i.name} = ${i.name};`]);
  const helpers = [...context.helpers.values()];
  return [`// ${BANNER}`, '"use strict";', ...context.prelude("./wire"), "", ...(helpers.length ? [...helpers, ""] : []),
    "/** What the base classes of providers have in common. */", "class ProviderBase {}", "exports.ProviderBase = ProviderBase;", ...classes, "",
    "/** The operations of each interface in the order of its table: how their arguments are read and their results written. */",
    "exports.OFFERS = {", ...tables.flat(), "};", "",
    "/** What a host offers, by the name that it has there. */", "exports.HOST = {",
    ...hosts.map(({ module, i }) => `  ${camel(i.name)}: () => require("./${module.file}.cjs").${i.name},`), "};", ""].join("\n");
}

function docs(text, notes = [], depth = 0) {
  const lines = docLines(text, notes, 110 - depth).map((line) => line.replaceAll("*/", "*\\/"));
  if (!lines.length) return [];
  const block = lines.length === 1 ? [`/** ${lines[0]} */`] : ["/**", ...lines.map((line) => ` * ${line}`.trimEnd()), " */"];
  return block.map((line) => " ".repeat(depth) + line);
}

function types(ir, all, hosts) {
  const imports = new Map();
  const note = (type) => {
    for (let t = type; t; t = t.of)
      if (t.ns) {
        const file = t.ns === "trunkline" ? "common" : t.ns;
        if (!imports.has(file)) imports.set(file, new Set());
        imports.get(file).add(t.name);
      }
    return tsType(type);
  };
  const structs = structsOf(ir);
  /** A result as its maker may give it: what has a default may be left out. */
  const given = (type, constant) => {
    if (type.k === "list") return `${given(type.of)}[]`.replace(/^(.* .*)\[\]$/, "Array<$1>");
    const loose = type.k === "struct" ? structs.get(`${type.ns}.${type.name}`).fields.filter((f) => f.default).map((f) => JSON.stringify(f.name)) : [];
    if (constant && type.k === "struct") loose.push(...looseLists(structs, type).map((name) => JSON.stringify(name)));
    return loose.length ? `Defaulted<${note(type)}, ${loose.join(" | ")}>` : note(type);
  };
  const body = [];
  for (const { i } of all) {
    body.push(...docs(i.doc, ["Give an object with these methods, or a subclass. What is left out is `unimplemented`."]), `export interface ${i.name} extends ProviderHooks {`);
    for (const op of i.ops) {
      const params = op.params.map((p) => `${safe(p.name, "js")}: ${note(p.type)}${p.optional ? " | undefined" : ""}`);
      const result = given(op.returns, op.sync);
      body.push(...docs(op.doc, operationNotes(op, (code) => `\`${code}\``, (name) => safe(name, "js")), 2));
      body.push(op.sync ? `  ${camel(op.name)}?(): ${result};` : `  ${camel(op.name)}?(${[...params, "call: ProviderCall"].join(", ")}): ${result} | Promise<${result}>;`);
    }
    body.push("}", ...docs(i.doc), `export declare class ${i.name} extends ProviderBase {`, `  static readonly interfaceId: ${JSON.stringify(i.id)};`, "}", "");
  }
  const host = ["/** What a provider gets of its runtime. */", "export interface ProviderHost {", "  /** Name of the plugin. */", "  readonly name: string;",
    "  /** Its configuration, with defaults filled in. */", "  readonly config: Record<string, any>;"];
  for (const { module, i } of hosts) {
    host.push(...docs(i.doc, [], 2), `  readonly ${camel(i.name)}: ${module.file}.${i.name};`);
  }
  host.push("}", "");
  const modules = [...new Set(hosts.map(({ module }) => module.file))].sort();
  const head = [`// ${BANNER}`, 'import type { ProviderCall, ProviderHooks } from "../lib/support.js";', ...modules.map((m) => `import type * as ${m} from "./${m}.js";`)];
  for (const [file, used] of [...imports].sort()) head.push(`import type { ${[...used].sort().join(", ")} } from "./${file}.js";`);
  return [...head, "", "type Defaulted<T, K extends keyof T> = Omit<T, K> & Partial<Pick<T, K>>;", "",
    "/** What the base classes of providers have in common. */", "export declare class ProviderBase {", "  /** There from `start` on. */", "  host: ProviderHost;", "}", "", ...host, ...body].join("\n");
}
