// The C++ SDK: values, the implementing side, the calling side.
import { Index } from "../common.js";
import { client } from "./client.js";
import { header } from "./names.js";
import { interfaces, pluginHost } from "./overview.js";
import { provider } from "./provider.js";
import { types } from "./types.js";

export const roots = ["bindings/cpp/include"];

export function emit(ir) {
  const index = new Index(ir);
  const files = {};
  const put = (path, content) => (files[`bindings/cpp/include/${path}`] = content);
  for (const module of ir.modules) {
    put(header(module), types(module, index));
    if (!module.interfaces.length) continue;
    put(header(module, "_provider"), provider(module, index));
    put(header(module, "_client"), client(module));
  }
  put("trunkline/interfaces.hpp", interfaces(ir));
  put("trunkline/plugin_host.hpp", pluginHost(ir));
  return files;
}
