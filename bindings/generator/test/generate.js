// Runs the emitter on a program in memory: { "main.tsp": text } -> { files, diagnostics }.
import { compile, createSourceFile, NodeHost, resolvePath } from "@typespec/compiler";
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const generator = dirname(here);

/** A directory for programs, whose imports find this package. */
function workspace() {
  const root = join(generator, "build/test");
  for (const [name, to] of [["@trunkline/idl", generator], ["@typespec/versioning", join(generator, "node_modules/@typespec/versioning")]]) {
    const link = join(root, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    if (!existsSync(link)) {
      rmSync(link, { force: true });
      symlinkSync(relative(dirname(link), to), link);
    }
  }
  return root;
}

/** `lock`: contents of an ABI lock to check against. Files that the emitter writes come back by path. */
export async function generate(source, { lock, ...options } = {}) {
  const root = workspace();
  const program = join(root, "main.tsp");
  const files = {};
  const host = {
    ...NodeHost,
    readFile: async (path) => (path === program ? createSourceFile(source, path) : NodeHost.readFile(path)),
    stat: async (path) => (path === program ? { isFile: () => true, isDirectory: () => false } : NodeHost.stat(path)),
    writeFile: async (path, content) => void (files[relative(root, path)] = content),
    mkdirp: async () => undefined,
  };
  const lockFile = join(root, "abi.lock.json");
  if (lock) {
    writeFileSync(lockFile, lock);
    options["lock-file"] = "abi.lock.json";
  }
  try {
    const result = await compile(host, program, {
      emit: ["@trunkline/idl"],
      options: { "@trunkline/idl": { "emitter-output-dir": resolvePath(root), ...options } },
      outputDir: root,
    });
    return { files, diagnostics: result.diagnostics.map((d) => ({ code: d.code.replace("@trunkline/idl/", ""), message: d.message, severity: d.severity })) };
  } finally {
    rmSync(lockFile, { force: true });
  }
}

export const golden = (path) => join(here, "golden", path);
export const readGolden = (path) => readFileSync(golden(path), "utf8");
