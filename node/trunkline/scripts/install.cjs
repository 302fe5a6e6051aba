// Runs after `npm install`. A packed package brings its binaries along and has nothing to do here. A source tree is built when
// that was not done yet; when it cannot be, says so and lets the installation go on: the loader explains the rest.
"use strict";
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const packageRoot = path.resolve(__dirname, "..");
const repository = path.resolve(packageRoot, "../..");
// Apart from `make build`, which builds with tests and Python; the loader knows both.
const release = path.join(repository, "build/release");
const build = path.join(repository, "build/npm");
const addon = "node/trunkline.node";
const say = (text) => console.log(`trunkline: ${text}`);

const has = (program) => spawnSync(program, ["--version"], { stdio: "ignore" }).status === 0;
function run(program, ...args) {
  say([program, ...args].join(" "));
  // npm's output is kept back, so long steps go straight to the terminal when there is one.
  return spawnSync(program, args, { cwd: repository, stdio: "inherit" }).status === 0;
}

function main() {
  if (fs.existsSync(path.join(packageRoot, "native", addon))) return;
  if (!fs.existsSync(path.join(repository, "bindings/node/CMakeLists.txt"))) return say("no binaries in this package for this platform; see the README");
  if (process.env.TRUNKLINE_BUILD_DIR || [release, build].some((home) => fs.existsSync(path.join(home, addon)))) return;
  // `npm ci` only fetches what a build needs; building is up to whoever called it.
  if (process.env.npm_command === "ci") return say("not built yet: run `make build`");
  if (!has("cmake") || !has("ninja")) return say("cmake and ninja are needed to build the native part. Install them and run `make build`, or set TRUNKLINE_BUILD_DIR.");
  const modules = path.join(repository, "node/node_modules");
  if (!fs.existsSync(path.join(modules, "node-addon-api")) && !run("npm", "ci", "--prefix", path.join(repository, "node"), "--ignore-scripts"))
    return say("the headers of node-addon-api could not be installed");
  const settings = ["-DCMAKE_BUILD_TYPE=Release", "-DTRUNKLINE_TESTS=OFF", "-DTRUNKLINE_PYTHON=OFF", "--log-level=NOTICE"];
  if (!run("cmake", "-S", repository, "-B", build, "-G", "Ninja", ...settings) || !run("cmake", "--build", build, "--target", "trunkline_node", "trunkline"))
    return say("the build failed; the package can be imported, but a runtime cannot be opened. `make build` says what is missing.");
  say("built");
}
main();
