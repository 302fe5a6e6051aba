import type { ProviderSource } from "./index.js";

/** What one check found. */
export interface CheckResult {
  /** Such as `sms.cancel_during`. */
  name: string;
  outcome: "passed" | "failed" | "skipped";
  /** Why it failed or was skipped; remarks of one that passed. */
  detail: string;
  seconds: number;
  /** Measured numbers, by name with unit, such as `calls_per_s`. */
  figures: Record<string, number>;
}
/** What a run of the kit found. */
export interface Report {
  plugin: string;
  /** Checks ran, and none failed. */
  passed: boolean;
  results: CheckResult[];
  failed: CheckResult[];
  /** For people. */
  text: string;
  /** As `trunkline plugin test --report` writes it. */
  json: string;
  /** As `trunkline plugin test --junit` writes it. */
  junit: string;
}
export interface KitOptions {
  /** What it offers, where no base class says so: `"sms"`, or several. */
  interface?: string | string[];
  /** Name of the plugin in the report. */
  id?: string;
  config?: Record<string, unknown>;
  secrets?: Record<string, string>;
  /** How its carrier behaves: the content of a quirks.json, or its path. */
  quirks?: Record<string, unknown> | string | URL;
  /** Checks to run, such as `sms.*`; by default all. */
  only?: string | string[];
  /** Milliseconds for what is under way when an instance is to end. */
  stopGrace?: number;
}
/**
 * Runs the conformance kit. Give a class, or a function that makes a provider: the kit makes several instances. An object is shared by
 * all of them.
 */
export declare function run(provider: ProviderSource, options?: KitOptions): Promise<Report>;
