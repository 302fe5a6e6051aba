// The TypeSpec library: its diagnostics, its emitter options, and where decorators keep what they saw.
import { createTypeSpecLibrary, paramMessage } from "@typespec/compiler";

const error = (message) => ({ severity: "error", messages: { default: message } });
const warning = (message) => ({ severity: "warning", messages: { default: message } });

export const $lib = createTypeSpecLibrary({
  name: "@trunkline/idl",
  diagnostics: {
    "unsupported-type": error(paramMessage`${"type"} cannot cross the plugin boundary.`),
    "anonymous-model": error("Give this model a name: anonymous models have no stable C type."),
    "recursive-model": error(paramMessage`${"what"} contains itself: values of it would have no limit of depth.`),
    "missing-doc": error("Public API without a doc comment."),
    "missing-thread": error('Say on which threads this operation may be called: @thread("any-thread"), "strand" or "lifecycle".'),
    "bad-thread": error(paramMessage`Unknown thread tag "${"tag"}": use any-thread, strand or lifecycle.`),
    "missing-kind": error("Mark the interface with @provider, @events, @hostService or @service."),
    "enum-value": error("Every enum member needs an explicit integer value."),
    "unsupported-default": error("This default has no form in the target languages."),
    "reserved-word": warning(paramMessage`"${"word"}" is reserved in ${"languages"}; it appears there as "${"word"}_".`),
    "name-clash": error(paramMessage`${"what"} and ${"other"} get the same C name ${"name"}.`),
    "abi-break": error(paramMessage`ABI break: ${"what"}`),
    "since-required": error(paramMessage`${"what"} is new in the ABI: mark it @added(Versions.…).`),
  },
  emitter: {
    options: {
      type: "object",
      additionalProperties: false,
      properties: {
        "lock-file": { type: "string", nullable: true },
        "update-lock": { type: "boolean", nullable: true },
        released: { type: "string", nullable: true },
        targets: { type: "array", items: { type: "string" }, nullable: true },
      },
    },
  },
  state: {
    kind: { description: "what an interface is: { kind, id, source? }" },
    sync: { description: "operations that never wait" },
    thread: { description: "thread tag of an operation" },
    frozen: { description: "models passed by value" },
    raises: { description: "error codes of an operation" },
  },
});

export const keys = $lib.stateKeys;
