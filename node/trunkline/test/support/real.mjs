// The built runtime, for tests that need it. Import it before the package.
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../../..");
const candidates = [process.env.TRUNKLINE_BUILD_DIR, path.join(repository, "build/release"), path.join(repository, "build/dev")];
/** Its build directory; undefined when there is none. */
export const build = candidates.find((candidate) => candidate && ["node/trunkline.node", "lib/libtrunkline.so"].every((file) => existsSync(path.join(candidate, file))));
if (build) process.env.TRUNKLINE_BUILD_DIR = build;
/** For test(): the reason to skip, or false. */
export const skip = build ? false : "libtrunkline was not built";
