// Finds the native part: a local build, then the package of this platform, then what `npm install` built, then an explanation.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { makeError } = require("./errors.cjs");

const packageRoot = path.resolve(__dirname, "..");
const repository = path.resolve(packageRoot, "../..");
const platform = `${process.platform}-${process.arch}`;

/** Packages with binaries for this machine. npm installs the one that fits its C library, so the others are not there. */
const platformPackages = (process.platform === "linux" ? ["-gnu", "-musl"] : [""]).map((libc) => `@trunkline/runtime-${platform}${libc}`);

/** A directory with lib/, plugins/, bin/ and node/trunkline.node in it, and what it is. */
function* homes() {
  const chosen = process.env.TRUNKLINE_BUILD_DIR;
  if (chosen) {
    yield { path: path.resolve(chosen), what: "TRUNKLINE_BUILD_DIR" };
    return;
  }
  if (fs.existsSync(path.join(repository, "bindings/node/CMakeLists.txt"))) {
    yield { path: path.join(repository, "build/release"), what: "`make build`" };
    yield { path: path.join(repository, "build/npm"), what: "`npm install` of the source tree" };
  }
  for (const name of platformPackages) {
    try {
      yield { path: path.dirname(require.resolve(`${name}/package.json`)), what: name };
    } catch {
      // not installed
    }
  }
  yield { path: path.join(packageRoot, "build"), what: "built by `npm install`" };
}

/** The first home that has `file`. Throws `unavailable` with the places that were looked at. */
function find(file, what) {
  const looked = [];
  for (const home of homes()) {
    const found = path.join(home.path, file);
    if (fs.existsSync(found)) return found;
    looked.push(`  ${found} (${home.what})`);
  }
  throw makeError("unavailable", [
    `${what} of Trunkline was not found for ${platform}. Looked at:`, ...looked,
    `Install ${platformPackages[0]}, build it (\`npm rebuild trunkline\`, or \`make build\` in the source tree), or set TRUNKLINE_BUILD_DIR to a build directory.`,
  ].join("\n"));
}

function load() {
  const file = find("node/trunkline.node", "The native part");
  try {
    return require(file);
  } catch (error) {
    throw makeError("unavailable", `${file} cannot be loaded: ${error.message}`, { target: file });
  }
}

module.exports = { load, find, homes };
