export default { test: { include: ["*.spec.mjs"], pool: "forks" }, cacheDir: process.env.TRUNKLINE_TEST_CACHE };
