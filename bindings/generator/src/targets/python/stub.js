// Stubs of the native classes. People see the classes on top of them; these are for type checkers.
import { BANNER, interfacesOf } from "../common.js";
import { imports, library, maybe, offered, pyName, pyType, typeImports, unhide } from "./types.js";

export function stub(context, module) {
  const out = ["def register(types: dict[str, typing.Any], /) -> None: ..."];
  for (const i of interfacesOf(module, ...offered)) {
    out.push("", `class ${i.name}:`, "    def __init__(self, runtime: Runtime, name: str, /) -> None: ...");
    for (const op of i.ops) {
      const params = op.params.map((p) => `${pyName(p.name)}: ${maybe(p, pyType(p.type, true))}`);
      const timeout = op.sync ? [] : ["timeout: float | None"];
      const line = (suffix, extra, returns) => {
        const all = [...params, ...extra];
        return `    def ${pyName(op.name)}${suffix}(${["self", ...all, ...(all.length ? ["/"] : [])].join(", ")}) -> ${returns}: ...`;
      };
      out.push(unhide(i, line("", timeout, pyType(op.returns))));
      if (!op.sync) out.push(unhide(i, line("_async", [], `asyncio.Future[${pyType(op.returns)}]`)));
    }
  }
  const text = out.join("\n") + "\n";
  return `# ${BANNER}\n${imports(text, ["asyncio", "builtins", "datetime", "typing"], library, [[".", ["Runtime", "Stream"]], ...typeImports(context, "..", undefined)])}\n\n${text}`;
}
