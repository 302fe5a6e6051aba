import type { WorkflowTestReport } from "../generated/workflows.js";

/** Runs a test of a workflow, with mocked services and a clock of its own. */
export declare function runWorkflowTest(file: string | URL): Promise<WorkflowTestReport>;
/** The same; rejects with an AssertionError that has every difference. */
export declare function checkWorkflow(file: string | URL): Promise<WorkflowTestReport>;
/** A test of node:test for each file. */
export declare function workflowTests(...files: (string | URL)[]): void;
/** Closes the runtime that tests are run with. `workflowTests` does so by itself. */
export declare function close(): Promise<void>;
