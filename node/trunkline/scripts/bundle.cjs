// Before `npm pack`: copies addon, library, plugins and program of the release build into native/, laid out like a build
// directory, so that the packed package works from anywhere on a machine of this kind.
"use strict";
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const packageRoot = path.resolve(__dirname, "..");
const build = path.resolve(process.env.TRUNKLINE_BUILD_DIR ?? path.join(packageRoot, "../../build/release"));
const native = path.join(packageRoot, "native");

function copy(from, to) {
  fs.mkdirSync(path.dirname(to), { recursive: true });
  fs.copyFileSync(from, to);
  if (/\.(node|so)(\.\d+)*$/.test(to) || path.basename(path.dirname(to)) === "bin") spawnSync("strip", ["--strip-unneeded", to], { stdio: "ignore" });
}
/** Regular files below a directory, as paths relative to it. */
function* files(directory, below = "") {
  for (const entry of fs.readdirSync(path.join(directory, below), { withFileTypes: true })) {
    const name = path.join(below, entry.name);
    if (entry.isDirectory()) yield* files(directory, name);
    else if (entry.isFile()) yield name;
  }
}

if (!fs.existsSync(path.join(build, "node/trunkline.node"))) {
  console.error(`${build} has no node/trunkline.node. Run \`make build\` first, or set TRUNKLINE_BUILD_DIR.`);
  process.exit(1);
}
fs.rmSync(native, { recursive: true, force: true });
copy(path.join(build, "node/trunkline.node"), path.join(native, "node/trunkline.node"));
for (const program of ["bin/trunkline", "bin/trunkline-script"])
  if (fs.existsSync(path.join(build, program))) copy(path.join(build, program), path.join(native, program));
// Under the name by which the addon asks for it (its SONAME); npm does not pack symbolic links.
for (const name of fs.readdirSync(path.join(build, "lib"))) {
  if (/^libtrunkline(_fake)?\.so(\.\d+)?$/.test(name)) copy(fs.realpathSync(path.join(build, "lib", name)), path.join(native, "lib", name));
}
const soname = path.join(native, "lib/libtrunkline.so");
if (fs.readdirSync(path.join(native, "lib")).length > 1) fs.rmSync(soname, { force: true });
// A plugin is a folder with a manifest; of what else lies there, only what is loaded or read.
const plugins = path.join(build, "plugins");
for (const name of fs.existsSync(plugins) ? [...files(plugins)] : []) {
  const folder = path.dirname(name);
  if (/\.(so|json)$/.test(name) && fs.existsSync(path.join(plugins, folder, "plugin.json"))) copy(path.join(plugins, name), path.join(native, "plugins", name));
}
console.error(`bundled ${[...files(native)].length} files from ${build}`);
