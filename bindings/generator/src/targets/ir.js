// The intermediate form itself, for people who write a target: `npm run gen -- --targets ir`. Not committed.
export const roots = [];
export const emit = (ir) => ({ "bindings/generator/ir.json": JSON.stringify(ir, null, 1) + "\n" });
