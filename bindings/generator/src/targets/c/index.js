// C11 headers of the plugin ABI.
import { Index, interfacesOf } from "../common.js";
import { embed } from "./embed.js";
import { cHeader } from "./names.js";
import { header } from "./header.js";

export const roots = ["bindings/c/include"];

export function emit(ir) {
  const index = new Index(ir);
  const files = Object.fromEntries(ir.modules.map((module) => [`bindings/c/include/${cHeader(module)}`, header(module, index)]));
  const hasServices = ir.modules.some((module) => interfacesOf(module, "service").length);
  if (hasServices) files["bindings/c/include/trunkline/embed.h"] = embed(ir);
  return files;
}
