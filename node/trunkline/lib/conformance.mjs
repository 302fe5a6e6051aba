import module from "./conformance.cjs";

export const { run } = module;
