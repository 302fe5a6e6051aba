// Which types cross between JavaScript and C++, and in which direction: only those get code.
import { Index, interfacesOf } from "./common.js";

/** Interfaces that JavaScript calls. */
export const callable = (module) => interfacesOf(module, "provider", "service");

/**
 * { written, read }: sets of "ns.name" of the models, unions and enums in arguments and in results. `both`: also the other way round
 * for what JavaScript can implement, and what such a provider tells the host.
 */
export function reach(ir, both = false) {
  const index = new Index(ir);
  const written = new Set(), read = new Set();
  const visit = (type, seen) => {
    for (let t = type; t; t = t.of) {
      if (!t.ns || seen.has(`${t.ns}.${t.name}`)) continue;
      seen.add(`${t.ns}.${t.name}`);
      const declared = index.type(t);
      for (const item of declared.fields ?? declared.variants ?? []) visit(item.type, seen);
    }
  };
  for (const module of ir.modules)
    for (const i of callable(module))
      for (const op of i.ops) {
        for (const p of op.params) visit(p.type, written);
        visit(op.returns, read);
        if (!both || i.kind !== "provider") continue;
        for (const p of op.params) visit(p.type, read);
        visit(op.returns, written);
      }
  if (both)
    for (const module of ir.modules)
      for (const i of interfacesOf(module, "events")) for (const op of i.ops) for (const p of op.params) visit(p.type, written);
  return { written, read };
}
export const key = (module, declared) => `${module.name}.${declared.name}`;
