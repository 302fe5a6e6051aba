// The table of targets. A target is a module with
//   roots: string[]          directories that it alone writes generated files to, from the root of the repository
//   emit(ir): { [path]: content }
// Targets are loaded on demand, so that one can be worked on while another is broken.
const table = {
  ir: () => import("./ir.js"),
  c: () => import("./c/index.js"),
  cpp: () => import("./cpp/index.js"),
  abi: () => import("./abi.js"),
  docs: () => import("./docs.js"),
  python: () => import("./python.js"),
  node: () => import("./node.js"),
  kit: () => import("./kit.js"),
  wire: () => import("./wire.js"),
};

export const targetNames = Object.keys(table);

/** [name, module] of the wanted targets, all by default but for `ir`, always in the order of the table. */
export async function loadTargets(wanted) {
  for (const name of wanted ?? []) if (!table[name]) throw new Error(`unknown target ${name}; there are ${targetNames.join(", ")}`);
  const names = targetNames.filter((name) => (wanted ? wanted.includes(name) : name !== "ir"));
  return Promise.all(names.map(async (name) => [name, await table[name]()]));
}
