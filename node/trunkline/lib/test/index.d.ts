import type { TestContext, TestOptions } from "node:test";
import type { EmailState } from "../../generated/email.js";
import type { CapturedMail, PhoneMessage } from "../../generated/sandbox.js";
import type { Event } from "../../generated/service.js";
import type { FailureReason } from "../../generated/sms.js";
import type { ConfigFile, ConfigObject, Events, Resource, Runtime } from "../index.js";
import type { CallOptions } from "../support.js";

/** Text that must be contained, a pattern that must be found, or a function that must be true; left out: anything. */
export type Wanted<T> = string | RegExp | ((item: T) => boolean);
export interface WaitOptions {
  /** Milliseconds of the test's clock, which moves on meanwhile. 10 000 by default. */
  within?: number | undefined;
}
export interface PhoneWait extends WaitOptions {
  /** The message's sender. */
  from?: string | undefined;
}
export interface MailWait extends WaitOptions {
  /** What the mail's subject has in it. */
  subject?: string | undefined;
}
export interface Pattern {
  /** What it looks like: its first group, when it has one. */
  pattern?: RegExp | undefined;
}

/** One virtual phone. What a wait has returned no later one returns again. */
export declare class Phone {
  private constructor();
  /** E.164. */
  readonly number: string;
  /** What it got and sent, oldest first. */
  messages(): Promise<PhoneMessage[]>;
  /** The texts that it got, oldest first. */
  texts(): Promise<string[]>;
  /** The first message that fits. Rejects with an AssertionError that says what came, and what became of the others. */
  waitFor(what?: Wanted<PhoneMessage>, options?: PhoneWait): Promise<PhoneMessage>;
  /** The code in the next message that has one: 4 to 8 digits, or what `pattern` says. */
  waitCode(options?: PhoneWait & Pattern): Promise<string>;
  /** Sends a text to a number of ours, by default the resource's first, and waits until it was dealt with. */
  send(text: string, to?: string): Promise<string>;
  /** Answers every message from now on, or so many. */
  replyWith(text: string, options?: { times?: number | undefined }): Promise<void>;
}

/** One mailbox. What a wait has returned no later one returns again. */
export declare class Mailbox {
  private constructor();
  readonly address: string;
  /** What it got, oldest first, with texts and files. */
  mails(): Promise<CapturedMail[]>;
  subjects(): Promise<string[]>;
  /** The first mail that fits, by its subject, text or HTML. */
  waitFor(what?: Wanted<CapturedMail>, options?: MailWait): Promise<CapturedMail>;
  /** The code in the next mail that has one: 4 to 8 digits, or what `pattern` says. */
  waitCode(options?: MailWait & Pattern): Promise<string>;
  /** The link in the next mail that has one. */
  waitLink(options?: MailWait & Pattern): Promise<string>;
  /** Sends a mail to an address of ours, and waits until it was dealt with. */
  send(mail: { to: string; subject: string; text: string }): Promise<string>;
}

export interface Some {
  /** Numbers that begin so, one number, or `*`; for mail an address in which `*` stands for anything. */
  to?: string | undefined;
  /** So many messages; 0: all. */
  times?: number | undefined;
}
/** A sandbox carrier of the configuration. What it is told holds for messages of this test alone. */
export declare class Carrier {
  private constructor();
  readonly name: string;
  /** Takes messages and reports that they failed: `unreachable`, mail `bounced`, or what `reason` says. */
  fail(reason?: FailureReason | EmailState, options?: Some & { rate?: number | undefined }): Promise<void>;
  /** Refuses messages at once, so that another carrier may take them; `temporary` may pass. */
  refuse(reason?: FailureReason, options?: Some): Promise<void>;
  /** Takes messages, delivers them and never says so. */
  beSilent(options?: Some): Promise<void>;
  /** Delivers after so many milliseconds. */
  beSlow(latency: number, options?: Some): Promise<void>;
  /** Does its work again. */
  recover(options?: Pick<Some, "to">): Promise<void>;
}

/** An event that no attempt could deliver. */
export interface DeadLetter {
  subscription: string;
  event: Event;
  /** It lies where the subscription keeps what it gives up; else it is gone. */
  kept: boolean;
  attempts: number;
  /** Why it was given up, and what the last attempt was told. */
  reason: string;
}
/** The events of a test. Names without a dot mean those of `Microsoft.Communication`. */
export interface EventLog extends Events {
  /** Those that have happened, oldest first; without types all. */
  of(...types: string[]): Promise<Event[]>;
  /** Those that a subscription gave up. Advance the clock past its retries first. */
  deadLettered(): Promise<DeadLetter[]>;
  /** The first event that fits. Rejects with an AssertionError that says which came. */
  expect(types: string | string[] | undefined, predicate: (event: Event) => boolean | Promise<boolean>, options?: WaitOptions & { after?: bigint | number | undefined }): Promise<Event>;
  expect(types?: string | string[], options?: WaitOptions & { after?: bigint | number | undefined }): Promise<Event>;
}
/** A clock that stands still until it is advanced. */
export interface VirtualClock {
  now(): Date;
  /** Moves it and resolves once everything that became due has happened, in event handlers too. */
  advance(ms: number, options?: CallOptions): Promise<Date>;
}

/** The services of a resource of its own, and the people on the other side. */
export declare class Trunkline extends Resource implements AsyncDisposable {
  private constructor();
  readonly runtime: Runtime;
  readonly clock: VirtualClock;
  readonly events: EventLog;
  /** The resource's first number that takes texts: what to send from. */
  number(): Promise<string>;
  phone(number: string): Phone;
  mailbox(address: string): Mailbox;
  carrier(name: string): Carrier;
  /** Resolves once nothing is left to do without the clock moving, in event handlers neither. */
  settle(): Promise<void>;
  /** Ends the handlers and drops the resource. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** One runtime for the tests of a process, one after the other. Each gets a copy of the configuration's first resource. */
export declare class Home implements AsyncDisposable {
  constructor(config?: ConfigObject | ConfigFile | string);
  open(): Promise<Trunkline>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The configuration of the tests that follow in this process. */
export declare function configure(config?: ConfigObject | ConfigFile | string): Promise<void>;
/** A world; close it, or use it with `await using`. */
export declare function open(): Promise<Trunkline>;

/** For `test.extend()` of Vitest. */
export declare const fixtures: {
  trunkline: (context: {}, use: (trunkline: Trunkline) => Promise<void>) => Promise<void>;
};

export interface Fixtures {
  trunkline: Trunkline;
  /** The context of node:test. */
  t: TestContext;
}
export interface Test {
  (name: string, fn: (fixtures: Fixtures) => unknown): Promise<void>;
  (name: string, options: TestOptions, fn: (fixtures: Fixtures) => unknown): Promise<void>;
}
/** node:test with the fixtures. */
export declare const test: Test & { only: Test; skip: Test; todo: Test };
