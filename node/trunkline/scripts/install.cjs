// Runs after `npm install`. Has nothing to do where binaries are there: from the package of this platform, or from a build of the
// source tree. Else it builds them from the sources that lie in the package, with CMake and nothing from the network. When it
// cannot, it says so and lets the installation go on: the loader explains the rest.
"use strict";
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { homes } = require("../lib/loader.cjs");

const packageRoot = path.resolve(__dirname, "..");
const repository = path.resolve(packageRoot, "../..");
const say = (text) => console.log(`trunkline: ${text}`);

/** Where the sources are, where to build them, and where the headers of Node-API lie. */
function places() {
  if (fs.existsSync(path.join(repository, "bindings/node/CMakeLists.txt")))
    // Apart from `make build`, which builds with tests and Python; the loader knows both.
    return { source: repository, build: path.join(repository, "build/npm"), headers: path.join(repository, "node/node_modules"), tree: true };
  const source = path.join(packageRoot, "source");
  return { source, build: path.join(packageRoot, "build"), headers: path.join(source, "node/headers"), tree: false };
}

const has = (program) => spawnSync(program, ["--version"], { stdio: "ignore" }).status === 0;
function run(program, ...args) {
  say([program, ...args].join(" "));
  // npm's output is kept back, so long steps go straight to the terminal when there is one.
  return spawnSync(program, args, { stdio: "inherit" }).status === 0;
}

function main() {
  if ([...homes()].some((home) => fs.existsSync(path.join(home.path, "node/trunkline.node")))) return;
  if (process.env.TRUNKLINE_BUILD_DIR) return say(`TRUNKLINE_BUILD_DIR has no node/trunkline.node: ${process.env.TRUNKLINE_BUILD_DIR}`);
  const { source, build, headers, tree } = places();
  if (!fs.existsSync(path.join(source, "CMakeLists.txt"))) return say("this package has neither binaries for this platform nor sources; see the README");
  // `npm ci` only fetches what a build needs; building is up to whoever called it.
  if (tree && process.env.npm_command === "ci") return say("not built yet: run `make build`");
  if (process.env.TRUNKLINE_SKIP_BUILD) return say("there are no binaries for this platform, and TRUNKLINE_SKIP_BUILD is set");
  if (!has("cmake") || !has("ninja"))
    return say("there are no binaries for this platform. cmake and ninja are needed to build them; install both and run `npm rebuild trunkline`, or set TRUNKLINE_BUILD_DIR.");
  if (tree && !fs.existsSync(path.join(headers, "node-addon-api")) && !run("npm", "ci", "--prefix", path.join(source, "node"), "--ignore-scripts"))
    return say("the headers of node-addon-api could not be installed");
  const settings = ["-DCMAKE_BUILD_TYPE=Release", "-DTRUNKLINE_TESTS=OFF", "-DTRUNKLINE_PYTHON=OFF", `-DTRUNKLINE_NODE_MODULES=${headers}`, "--log-level=NOTICE"];
  if (!run("cmake", "-S", source, "-B", build, "-G", "Ninja", ...settings) || !run("cmake", "--build", build, "--target", "product"))
    return say(`the build failed; the package can be imported, but a runtime cannot be opened. What a build needs is in ${tree ? "CONTRIBUTING.md" : "the README"}.`);
  say("built");
}
main();
