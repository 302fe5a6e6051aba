// Which types cross between JavaScript and C++, and in which direction: only those get code.
import { Index, interfacesOf, offerable } from "./common.js";

/** Interfaces that JavaScript calls: of runtimes and providers, and of the hosts of providers that are written in JavaScript. */
export const callable = (module) => interfacesOf(module, "provider", "service", "events", "hostService");

/**
 * { written, read, given }: sets of "ns.name" of the models, unions and enums that JavaScript writes and reads; `given`: those of
 * `written` that people make as arguments of calls.
 */
export function reach(ir) {
  const index = new Index(ir);
  const written = new Set(), read = new Set(), given = new Set();
  const visit = (type, ...all) => all.forEach((seen) => visitOne(type, seen));
  const visitOne = (type, seen) => {
    for (let t = type; t; t = t.of) {
      if (!t.ns || seen.has(`${t.ns}.${t.name}`)) continue;
      seen.add(`${t.ns}.${t.name}`);
      const declared = index.type(t);
      for (const item of declared.fields ?? declared.variants ?? []) visitOne(item.type, seen);
    }
  };
  for (const module of ir.modules) {
    for (const i of callable(module))
      for (const op of i.ops) {
        for (const p of op.params) visit(p.type, written, given);
        visit(op.returns, read);
      }
    for (const i of offerable(module))
      for (const op of i.ops) {
        for (const p of op.params) visit(p.type, read);
        visit(op.returns, written);
      }
  }
  return { written, read, given };
}
export const key = (module, declared) => `${module.name}.${declared.name}`;
