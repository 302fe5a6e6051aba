// The decorators of lib/main.tsp. They only take notes; ir.js reads them.
import { keys } from "./library.js";

const note = (context, key, target, value) => void context.program.stateMap(key).set(target, value);
const mark = (context, key, target) => void context.program.stateSet(key).add(target);

export const $decorators = {
  "Trunkline.Idl": {
    provider: (context, target, id) => note(context, keys.kind, target, { kind: "provider", id }),
    events: (context, target, source, id) => note(context, keys.kind, target, { kind: "events", id, source }),
    hostService: (context, target, id) => note(context, keys.kind, target, { kind: "hostService", id }),
    service: (context, target, id) => note(context, keys.kind, target, { kind: "service", id }),
    sync: (context, target) => mark(context, keys.sync, target),
    thread: (context, target, tag) => note(context, keys.thread, target, tag),
    frozen: (context, target) => mark(context, keys.frozen, target),
    raises: (context, target, ...codes) => note(context, keys.raises, target, codes.map((code) => code.name)),
  },
};
