import module from "./testing.cjs";

export const { checkWorkflow, close, runWorkflowTest, workflowTests } = module;
