// trunkline/providers.py: what a provider written in Python inherits from, and what it gets of its host.
import { BANNER, interfacesOf, offerable, snake } from "../common.js";
import { allList, docOf, docstring, imports, maybe, operationDoc, pyName, pyType, typeImports } from "./types.js";

export function providersModule(context) {
  const of = (...kinds) => context.modules.flatMap((module) => interfacesOf(module, ...kinds).map((i) => ({ module, i })));
  const providers = context.modules.flatMap((module) => offerable(module).map((i) => ({ module, i }))), hosts = of("events", "hostService");
  const body = ["", "", "INTERFACES: dict[str, tuple[tuple[str, bool], ...]] = {",
    ...providers.flatMap(({ i }) => [`    "${i.id}": (`, ...i.ops.map((op) => `        ("${pyName(op.name)}", ${op.sync ? "True" : "False"}),`), "    ),"]), "}",
    '"""The operations of each interface in the order of its table, and whether their answer is taken once."""',
    ...providers.flatMap(({ i }) => ["", "", ...providerClass(context, i)]),
    ...hostClass(hosts, "BlockingProviderHost", "The host of a provider, for its methods that are plain functions.", "trunkline", ""),
    ...hostClass(hosts, "ProviderHost", "The host of a provider: its configuration, and the runtime's services for it.", "trunkline.aio", "_aio_"), ""];
  const text = body.join("\n");
  const modules = [...new Set(hosts.map(({ module }) => module.file))].sort();
  const head = [`# ${BANNER}`, docstring("Providers that are written in Python: base classes, and what a provider gets of its host.", 0), "", "from __future__ import annotations", "",
    imports(`${text} TYPE_CHECKING`, ["builtins", "datetime", "typing"], [["collections.abc", ["Awaitable"]], ["typing", ["TYPE_CHECKING", "ClassVar"]]],
      [["._errors", ["UnimplementedError"]], ["._provider", ["HostBase", "ProviderBase"]], ...typeImports(context, ".", undefined)]), "",
    "if TYPE_CHECKING:", ...modules.map((m) => `    from . import ${m} as _${m}`), ...modules.map((m) => `    from .aio import ${m} as _aio_${m}`),
    "", allList(["INTERFACES", "BlockingProviderHost", "ProviderHost", ...providers.map(({ i }) => i.name)])];
  return head.join("\n") + text.replace(/^\n*/, "\n\n\n");
}

function providerClass(context, i) {
  const out = [`class ${i.name}(ProviderBase):`,
    docstring(`${docOf(i)}\n\nOverride its methods, as coroutine functions or as plain ones: those run on a thread of their own. What is not overridden is \`unimplemented\`.`, 4), "",
    `    interface_id: ClassVar[str] = "${i.id}"`];
  for (const op of i.ops) {
    const returns = pyType(op.returns);
    const type = op.sync ? returns : `${returns} | Awaitable[${returns}]`;
    const params = ["self", ...op.params.map((p) => `${pyName(p.name)}: ${maybe(p, pyType(p.type))}`), ...(op.params.length ? ["/"] : [])];
    const line = `    def ${pyName(op.name)}(${params.join(", ")}) -> ${type}:`;
    out.push("", ...(line.length <= 120 ? [line] : [`    def ${pyName(op.name)}(`, ...params.map((p) => `        ${p},`), `    ) -> ${type}:`]), providedDoc(context, op));
    if (op.sync && op.returns.k === "struct") out.push(`        return ${op.returns.name}()`);
    else if (op.sync) out.push('        return ""');
    else out.push(`        raise UnimplementedError("${pyName(op.name)} is not implemented")`);
  }
  return out;
}
/** The doc of an operation without what only a caller can give. */
const providedDoc = (context, op) => operationDoc(context, op, 8).replace(/\n\n? *Args:\n *timeout: .*(?=\n)/, "").replace(/\n *timeout: Seconds to wait; then the call is cancelled.*(?=\n)/, "").replace(/ Or give the fields of `\w+` as keywords\./, "");

function hostClass(hosts, name, doc, from, alias) {
  const out = ["", "", `class ${name}(HostBase):`, docstring(doc, 4), "", "    __slots__ = ()"];
  for (const { module, i } of hosts)
    out.push("", "    @property", `    def ${snake(i.name)}(self) -> ${alias || "_"}${module.file}.${i.name}:`, docstring(docOf(i), 8), `        return self._client("${from}.${module.file}", "${i.name}")  # type: ignore[no-any-return]`);
  if (name === "ProviderHost") out.push("", "    @property", "    def blocking(self) -> BlockingProviderHost:", docstring("The same for methods that are plain functions: its calls block.", 8), "        return BlockingProviderHost(self._native, self.name, self.config)");
  return out;
}
