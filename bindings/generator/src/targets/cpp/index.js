// The C++ SDK: values, the implementing side, the calling side.
import { BANNER, Index, aggregatesOf } from "../common.js";
import { client, clientDefinitions } from "./client.js";
import { header, inlineHeader } from "./names.js";
import { interfaces, pluginHost } from "./overview.js";
import { provider, providerDefinitions } from "./provider.js";
import { types, typeDefinitions } from "./types.js";

export const roots = ["bindings/cpp/include", "bindings/cpp/src"];

export function emit(ir) {
  const index = new Index(ir);
  const files = {};
  const put = (path, content) => (files[`bindings/cpp/include/${path}`] = content);
  for (const module of ir.modules) {
    put(header(module), types(module, index));
    const definitions = [];
    if (aggregatesOf(module).length) {
      put(inlineHeader(module), typeDefinitions(module));
      definitions.push(inlineHeader(module));
    }
    if (module.interfaces.length) {
      put(header(module, "_provider"), provider(module, index));
      put(header(module, "_client"), client(module));
      put(inlineHeader(module, "_provider"), providerDefinitions(module));
      put(inlineHeader(module, "_client"), clientDefinitions(module));
      definitions.push(inlineHeader(module, "_provider"));
      // Two files where one would be what a build waits for; else the headers that both begin with cost more than they are worth.
      const calling = [inlineHeader(module, "_client")];
      if (operations(module) > kManyOperations) files[`bindings/cpp/src/${module.file}_client.cpp`] = source(calling);
      else definitions.push(...calling);
    }
    if (definitions.length) files[`bindings/cpp/src/${module.file}.cpp`] = source(definitions);
  }
  put("trunkline/interfaces.hpp", interfaces(ir));
  put("trunkline/plugin_host.hpp", pluginHost(ir));
  return files;
}

const kManyOperations = 30;
const operations = (module) => module.interfaces.reduce((sum, i) => sum + i.ops.length, 0);

/** Definitions for TRUNKLINE_COMPILED. */
const source = (headers) => [`// ${BANNER}`, ...headers.map((path) => `#include "${path}"`), ""].join("\n");
