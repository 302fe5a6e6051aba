// The classes people call: blocking in trunkline.<module>, awaitable in trunkline.aio.<module>. Both stand on one native class.
import { BANNER, interfacesOf } from "../common.js";
import { allList, docOf, docstring, imports, library, literal, maybe, offered, operationDoc, pyName, pyType, typeImports, unhide } from "./types.js";

export function aioModule(context, module) {
  const text = apiClasses(context, module, "aio").join("\n") + "\n";
  const doc = `${module.doc} The asyncio classes; the values are those of \`trunkline.${module.file}\`.`;
  const head = [`# ${BANNER}`, docstring(doc, 0), "", "from __future__ import annotations", "", imports(text, ["builtins", "datetime", "typing"], library, [
    [".._native", [`${module.file} as _native`]], [".._objects", ["HostObject", "Provider", "Service", "model_of"]], ...typeImports(context, "..", undefined),
    ["._futures", ["within"]], ["._stream", ["AsyncStream"]],
  ]), "", allList(interfacesOf(module, ...offered).map((i) => i.name))];
  return head.join("\n") + text.replace(/^\n*/, "\n\n\n");
}

/** Lines of the classes of a module; surface: "sync" or "aio". */
export function apiClasses(context, module, surface) {
  return interfacesOf(module, ...offered).flatMap((i) => ["", "", ...apiClass(context, module, i, surface)]);
}

function apiClass(context, module, i, surface) {
  const base = { provider: "Provider", service: "Service" }[i.kind] ?? "HostObject";
  const out = [`class ${i.name}(${base}):`, docstring(docOf(i), 4), "", "    __slots__ = ()",
    `    interface_id: ClassVar[str] = "${i.id}"`, `    _native_class: ClassVar[type[_native.${i.name}]] = _native.${i.name}`, `    _impl: _native.${i.name}`];
  for (const op of i.ops) out.push("", ...method(context, op, surface).map((line) => unhide(i, line)));
  return out;
}

function method(context, op, surface) {
  const name = pyName(op.name), model = context.keywordModel(op), stream = op.returns.k === "stream";
  const aio = surface === "aio";
  const keyword = aio && !op.sync && !stream ? "async def" : "def";
  const returns = aio && stream ? `AsyncStream[${pyType(op.returns.of)}]` : pyType(op.returns);
  const timeout = op.sync ? [] : ["timeout: float | None = None"];
  const out = [];
  const signature = (params) => `    ${keyword} ${name}(${params.join(", ")}) -> ${returns}:`;
  if (model) {
    const [p] = op.params;
    out.push("    @overload", `${signature(["self", `${pyName(p.name)}: ${pyType(p.type)}`, "/", "*", ...timeout])} ...`, "    @overload");
    out.push(`    ${keyword} ${name}(`, "        self,", "        /,", "        *,", ...keywords(model).map((line) => `        ${line},`), ...timeout.map((line) => `        ${line},`), `    ) -> ${returns}: ...`);
    out.push(signature(["self", `${pyName(p.name)}: ${pyType(p.type)} | None = None`, "/", "*", ...timeout, "**fields: typing.Any"]));
  } else {
    const params = op.params.map((p) => `${pyName(p.name)}: ${maybe(p, pyType(p.type, true))}${argumentDefault(p)}`);
    const all = ["self", ...params, ...(timeout.length ? ["*", ...timeout] : [])];
    const line = signature(all);
    if (line.length <= 120) out.push(line);
    else out.push(`    ${keyword} ${name}(`, ...all.map((x) => `        ${x},`), `    ) -> ${returns}:`);
  }
  out.push(operationDoc(context, op, 8));
  const args = model ? [`model_of(${model.name}, ${pyName(op.params[0].name)}, fields)`] : op.params.map((p) => pyName(p.name));
  const call = (suffix, extra) => `self._impl.${name}${suffix}(${[...args, ...extra].join(", ")})`;
  if (op.sync) out.push(`        return ${call("", [])}`);
  else if (stream) out.push(aio ? `        return AsyncStream(${call("_async", [])}, timeout)` : `        return Stream(${call("", ["timeout"])}, timeout)`);
  else if (aio) out.push(`        future = ${call("_async", [])}`, `        ${op.returns.k === "void" ? "" : "return "}await (future if timeout is None else within(future, timeout))`);
  else out.push(`        ${op.returns.k === "void" ? "" : "return "}${call("", ["timeout"])}`);
  return out;
}

const keywords = (model) => model.fields.map((f) => {
  const free = f.type.k === "list" && !f.optional && !f.minItems;
  const value = free ? " = ..." : argumentDefault(f);
  return `${pyName(f.name)}: ${maybe(f, pyType(f.type, true))}${value}`;
});
function argumentDefault(field) {
  const value = literal(field);
  return value === undefined ? "" : value === "list" ? " = ()" : ` = ${value}`;
}
