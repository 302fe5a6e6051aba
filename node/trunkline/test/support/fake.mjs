// Makes the package use the stand-in for libtrunkline. Import it before the package.
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../../..");
const candidates = [process.env.TRUNKLINE_TEST_FAKE, process.env.TRUNKLINE_BUILD_DIR && path.join(process.env.TRUNKLINE_BUILD_DIR, "node/fake"), path.join(repository, "build/release/node/fake"), path.join(repository, "build/dev/node/fake")];

/** Build directory of the stand-in. */
export const fake = candidates.find((candidate) => candidate && existsSync(path.join(candidate, "node/trunkline.node")));
if (!fake) throw new Error(`build trunkline_node_fake_addon first; looked in ${candidates.filter(Boolean).join(", ")}`);
process.env.TRUNKLINE_TEST_FAKE = fake;
process.env.TRUNKLINE_BUILD_DIR = fake;

setFlagsFromString("--expose-gc");
export const collect = runInNewContext("gc");

/** A promise and its settling functions. */
export function deferred() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}
/** Lets every completion that is under way arrive: two calls go the same way and come after them. */
export async function roundTrip(rt) {
  for (let i = 0; i < 2; ++i) await rt.sms.send({ from: "+1", to: ["+2"], message: "round trip" });
}
