// Trunkline in your process. `import { Runtime } from "trunkline"` or `const { Runtime } = require("trunkline")`: the same
// classes, because index.mjs re-exports this file.
"use strict";
const { TrunklineError, errors } = require("./errors.cjs");
const { evaluate } = require("./expression.cjs");
const { Runtime, Resource, Topic } = require("./runtime.cjs");
const { WorkflowFunctionError } = require("./workflows.cjs");

const providers = require("../generated/providers.cjs");

const { OFFERS, HOST, ...bases } = providers;
module.exports = { Runtime, Resource, Topic, WorkflowFunctionError, evaluate, TrunklineError, ...errors, ...bases };
