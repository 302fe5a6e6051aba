// C11 headers of the plugin ABI.
import { Index } from "../common.js";
import { cHeader } from "./names.js";
import { header } from "./header.js";

export const roots = ["bindings/c/include"];

export function emit(ir) {
  const index = new Index(ir);
  return Object.fromEntries(ir.modules.map((module) => [`bindings/c/include/${cHeader(module)}`, header(module, index)]));
}
