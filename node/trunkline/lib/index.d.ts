import type { CallsService, SandboxPhonesService } from "../generated/calling.js";
import type { ChatProvider as ChatProviderClient } from "../generated/chat.js";
import type { EmailProvider as EmailProviderClient, Mailbox } from "../generated/email.js";
import type { WebhookReceiver as WebhookReceiverClient } from "../generated/host.js";
import type { IdentityProvider as IdentityProviderClient } from "../generated/identity.js";
import type { MediaProvider as MediaProviderClient } from "../generated/media.js";
import type {
  PstnAudioProvider as PstnAudioProviderClient, PstnProvider as PstnProviderClient, PstnTrunkProvider as PstnTrunkProviderClient,
} from "../generated/pstn.js";
import type { SandboxMailProvider as SandboxMailProviderClient, SandboxProvider as SandboxProviderClient } from "../generated/sandbox.js";
import type { ChatMessage, Participant, ReadReceipt, ThreadItem } from "../generated/chat.js";
import type {
  ChatService, EmailMessage, EmailOperation, EmailService, Event, EventHistoryService, EventQuery, EventSchema,
  EventSubscriptionSpec, EventSubscriptionsService, EventTopicsService, IdentityService, NewTopicEvent, NumbersService,
  PluginInfo, ProviderInfo, ResourcesService, RoomsService, SandboxMailService, SandboxService, SipRoutingService, SmsConsentService,
  SmsService,
} from "../generated/service.js";
import type { SmsProvider as SmsProviderClient } from "../generated/sms.js";
import type {
  WorkflowFunctionCall, WorkflowInfo, WorkflowRunDetails, WorkflowRunInfo, WorkflowRunQuery, WorkflowsService,
} from "../generated/workflows.js";
import type { ErrorCode } from "../generated/common.js";
import type { CallOptions, EventStream } from "./support.js";

export type { CallOptions, EventStream, ProviderCall, ProviderHooks } from "./support.js";
export {
  ChatProvider, EmailProvider, IdentityProvider, ProviderBase, PstnAudioProvider, PstnProvider, PstnSandboxProvider, PstnTrunkProvider,
  SandboxMailProvider, SandboxProvider, SmsProvider, SmsQueryProvider, WebhookReceiver, type ProviderHost,
} from "../generated/providers.js";
export type * from "../generated/service.js";
export type { ErrorCode, DecisionRecord, DecisionStep } from "../generated/common.js";
export type { Encoding, FailureReason, Fault, MessageState } from "../generated/sms.js";
export type { AccessToken, TokenClaims, TokenScope, UserIdentity } from "../generated/identity.js";
export type * from "../generated/chat.js";
export type * from "../generated/workflows.js";
export type * from "../generated/calling.js";
export type { Persona, PersonaBehavior, PhoneCall, PromptReply } from "../generated/pstnsandbox.js";
export type { CapturedFile, CapturedMail, CapturedMailbox, MailRule, Phone, PhoneMessage, PhoneRule } from "../generated/sandbox.js";
export type { EmailAttachment, EmailState, Mailbox } from "../generated/email.js";

/** Why an operation failed. There is a subclass for each code. */
export declare class TrunklineError extends Error {
  constructor(code: ErrorCode, message: string, more?: ErrorDetails);
  readonly code: ErrorCode;
  /** The field, header or object at fault. */
  readonly target?: string | undefined;
  /** Trying again can help. */
  readonly retryable: boolean;
  /** How long to wait before. */
  readonly retryAfterMs?: number | undefined;
  /** The carrier's own code. */
  readonly providerCode?: string | undefined;
  /** The error code of a REST door or of Logic Apps, where it does not follow from `code`. */
  readonly serviceCode?: string | undefined;
  /** Anything else that was said about it. */
  readonly details?: Readonly<Record<string, string>> | undefined;
}
type ErrorDetails = Partial<Pick<TrunklineError, "target" | "retryable" | "retryAfterMs" | "providerCode" | "serviceCode" | "details">>;
/** The caller cancelled the operation, or the runtime was closed. */
export declare class CancelledError extends TrunklineError {
  constructor(message: string, more?: ErrorDetails);
  readonly code: "cancelled";
}
/** Anything that no other code says. */
export declare class UnknownError extends TrunklineError {
  constructor(message: string, more?: ErrorDetails);
  readonly code: "unknown";
}
/** The request is malformed; sending it again cannot succeed. */
export declare class InvalidArgumentError extends TrunklineError {
  constructor(message: string, more?: ErrorDetails);
  readonly code: "invalidArgument";
}
/** The deadline passed before the operation completed. Its outcome is unknown. */
export declare class DeadlineExceededError extends TrunklineError {
  constructor(message: string, more?: ErrorDetails);
  readonly code: "deadlineExceeded";
}
/** What the request names does not exist. */
export declare class NotFoundError extends TrunklineError {
  constructor(message: string, more?: ErrorDetails);
  readonly code: "notFound";
}
/** What the request creates exists already. */
export declare class AlreadyExistsError extends TrunklineError {
  constructor(message: string, more?: ErrorDetails);
  readonly code: "alreadyExists";
}
/** The caller is known but may not do this. */
export declare class PermissionDeniedError extends TrunklineError {
  constructor(message: string, more?: ErrorDetails);
  readonly code: "permissionDenied";
}
/** A quota or rate is used up; see `retryAfterMs`. */
export declare class ResourceExhaustedError extends TrunklineError {
  constructor(message: string, more?: ErrorDetails);
  readonly code: "resourceExhausted";
}
/** The system is not in the state the operation needs, such as a closed runtime. */
export declare class FailedPreconditionError extends TrunklineError {
  constructor(message: string, more?: ErrorDetails);
  readonly code: "failedPrecondition";
}
/** A concurrent change interfered; read again and retry. */
export declare class AbortedError extends TrunklineError {
  constructor(message: string, more?: ErrorDetails);
  readonly code: "aborted";
}
/** A value lies outside its valid range. */
export declare class OutOfRangeError extends TrunklineError {
  constructor(message: string, more?: ErrorDetails);
  readonly code: "outOfRange";
}
/** The operation is not implemented. */
export declare class UnimplementedError extends TrunklineError {
  constructor(message: string, more?: ErrorDetails);
  readonly code: "unimplemented";
}
/** A broken invariant of the runtime or a plugin. */
export declare class InternalError extends TrunklineError {
  constructor(message: string, more?: ErrorDetails);
  readonly code: "internal";
}
/** The remote side cannot be reached right now, or the native part was not found. */
export declare class UnavailableError extends TrunklineError {
  constructor(message: string, more?: ErrorDetails);
  readonly code: "unavailable";
}
/** Data was lost or is corrupt. */
export declare class DataLossError extends TrunklineError {
  constructor(message: string, more?: ErrorDetails);
  readonly code: "dataLoss";
}
/** Credentials are missing or refused. */
export declare class UnauthenticatedError extends TrunklineError {
  constructor(message: string, more?: ErrorDetails);
  readonly code: "unauthenticated";
}

/** A section of `trunkline.yaml` for each key. */
export interface ConfigObject {
  [section: string]: unknown;
}
/** A path of a `trunkline.yaml`, in whose directory its relative paths start. */
export interface ConfigFile {
  configFile: string | URL;
}

/** Which events. */
export interface EventSelection {
  /** Types to include; absent or empty: all. */
  types?: string[] | undefined;
  /** Subjects that begin so. */
  subjectBeginsWith?: string | undefined;
  /** Events after this position; absent: from now on. 0: from the beginning. */
  after?: bigint | number | undefined;
}
export interface Events {
  /** Events as they happen, without loss from the given position on. */
  subscribe(filter?: EventSelection, options?: CallOptions): EventStream<Event>;
  /** Events that have happened, oldest first. */
  list(filter?: EventSelection, limit?: number, options?: CallOptions): Promise<Event[]>;
}
export interface WaitOptions {
  /** Longest wait in milliseconds of real time; then `deadlineExceeded`. */
  timeout?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Only events after this position. Default: all, so that one that came before the call is found as well. */
  after?: bigint | number | undefined;
}

export interface PageOptions extends CallOptions {
  /** Items that are asked for at once, 1 to 200. */
  pageSize?: number | undefined;
}
export interface HistoryOptions extends PageOptions {
  /** Leaves out what is older. */
  startTime?: Date | undefined;
}
/** Addresses of a mail: text where no name is shown. */
export type Addresses = string | Mailbox | (string | Mailbox)[];
/** A mail; what is left out is empty. */
export type EmailDraft = Omit<EmailMessage, "to" | "cc" | "bcc" | "replyTo" | "attachments"> &
  Partial<Pick<EmailMessage, "attachments">> & {
    to?: Addresses | undefined;
    cc?: Addresses | undefined;
    bcc?: Addresses | undefined;
    replyTo?: Addresses | undefined;
  };
/** Mail of one resource. */
export declare class Email extends EmailService {
  /** Accepts a mail. Accepted means durable: it survives a crash. */
  send(message: EmailDraft, options?: CallOptions): Promise<EmailOperation>;
  /** All sends, newest first. */
  operations(options?: CallOptions & { pageSize?: number | undefined }): AsyncGenerator<EmailOperation, void, void>;
}

/** The threads of one resource, on behalf of a user: a raw id, or a user access token, which then must have the scope. */
export declare class Chat extends ChatService {
  /** The threads that the user takes part in, the youngest first. */
  threads(asUser: string, options?: HistoryOptions): AsyncGenerator<ThreadItem, void, void>;
  /** The messages that the user may see, newest first. */
  messages(asUser: string, threadId: string, options?: HistoryOptions): AsyncGenerator<ChatMessage, void, void>;
  /** Those who take part, in the order of adding. */
  participants(asUser: string, threadId: string, options?: PageOptions): AsyncGenerator<Participant, void, void>;
  /** How far everybody has read. */
  readReceipts(asUser: string, threadId: string, options?: PageOptions): AsyncGenerator<ReadReceipt, void, void>;
}

/** An event that was taken from a subscription. One that is dropped comes again. */
export interface Delivery {
  readonly event: Event;
  /** 1 the first time. */
  readonly attempt: number;
  readonly id: bigint;
  /** Says that the event was dealt with. False: too late, it comes again. */
  ack(): boolean;
  /** Says that it could not be dealt with; it comes again by the subscription's retry schedule. False: too late. */
  reject(reason?: string): boolean;
}
export interface DeliveryOptions extends CallOptions {
  /** Deliveries that are unanswered at a time, 1 to 1000; the other events wait on disk. Default: 16. */
  credits?: number | undefined;
  /** Milliseconds of the runtime's clock in which a delivery must be answered; then it counts as rejected. Default: 5 minutes. */
  lockTime?: number | undefined;
}
/** How `onEvent` calls its function, and what it says of the subscription. */
export interface HandlerOptions extends Omit<EventSubscriptionSpec, "concurrency" | "name" | "webhook" | "workflow"> {
  /** Calls at the same time. Default: 1. */
  concurrency?: number | undefined;
  /** Milliseconds of the runtime's clock that a call may take. Default: 5 minutes. */
  lockTime?: number | undefined;
  /** Told of what the function threw, with the delivery; and of why there are no more events. Default: a warning of the process. */
  onError?: ((error: unknown, delivery?: Delivery) => void) | undefined;
}
/** A function that gets the events of a subscription, until it or the runtime is closed. */
export interface EventHandler extends AsyncDisposable {
  /** The subscription's. */
  readonly name: string;
  /** Kept once the subscription is there. */
  readonly ready: Promise<void>;
  /** Ends it, after the events that it is dealing with; so its function must not wait for this. The subscription stays. */
  close(): Promise<void>;
}
export interface FindOptions extends Omit<EventQuery, "limit" | "after" | "newestFirst"> {
  newestFirst?: boolean | undefined;
  /** Events that are asked for at once, 1 to 1000. */
  pageSize?: number | undefined;
}
export interface ExportOptions extends CallOptions {
  /** How events are written. */
  schema?: EventSchema | undefined;
}
/** The event subscriptions of a resource or custom topic. */
export type EventSubscriptions = EventSubscriptionsService;
/** What happened at a resource or custom topic, and what became of it. */
export declare class EventHistory extends EventHistoryService {
  /** All events that fit, page by page. */
  find(query?: FindOptions, options?: CallOptions): AsyncGenerator<Event, void, void>;
  /** Writes events as lines of JSON to a file, or to a stream, which stays open. Returns their number. */
  export(to: string | URL | NodeJS.WritableStream, query?: Partial<EventQuery>, options?: ExportOptions): Promise<number>;
}
/** What has events: a resource or a custom topic. */
declare class EventSource {
  protected constructor();
  /** Empty for the default resource. */
  readonly name: string;
  readonly events: Events;
  readonly eventSubscriptions: EventSubscriptions;
  readonly eventHistory: EventHistory;
  /** Takes the events of a subscription that has no webhook. Each must be acknowledged; leaving the loop gives back the others. */
  deliveries(name: string, options?: DeliveryOptions): EventStream<Delivery>;
  /**
   * Calls a function with the events of a subscription, which is created when there is none of that name and changed when anything
   * is said about it. An event is acknowledged when the function has returned; it comes again when it throws.
   */
  onEvent(name: string, fn: (event: Event, delivery: Delivery) => unknown): EventHandler;
  onEvent(name: string, options: HandlerOptions, fn: (event: Event, delivery: Delivery) => unknown): EventHandler;
  /** The first event of a type for which the predicate is true. */
  waitFor(type: string | string[] | undefined, predicate: (event: Event) => boolean | Promise<boolean>, options?: WaitOptions): Promise<Event>;
  waitFor(type: string | string[] | undefined, options?: WaitOptions): Promise<Event>;
}
/** A custom topic: the events that an application publishes by itself. */
export declare class Topic extends EventSource {
  private constructor();
  /** Publishes an event; kept with its id when it is durable. */
  publish(event: NewTopicEvent, options?: CallOptions): Promise<string>;
  /** Publishes events, all or none. */
  publish(events: NewTopicEvent[], options?: CallOptions): Promise<string[]>;
}

/** One communication resource. */
export declare class Resource extends EventSource {
  protected constructor();
  readonly sms: SmsService;
  /** Who does not want to be written to, and how that came about. */
  readonly smsConsent: SmsConsentService;
  readonly identity: IdentityService;
  readonly chat: Chat;
  readonly numbers: NumbersService;
  readonly sipRouting: SipRoutingService;
  readonly rooms: RoomsService;
  /** Calls: set them up, answer them, speak and listen in them, record them. */
  readonly calls: CallsService;
  readonly sandbox: SandboxService;
  readonly email: Email;
  readonly sandboxMail: SandboxMailService;
  /** Virtual phones that take part in calls. */
  readonly sandboxPhones: SandboxPhonesService;
}

export interface DeployFileOptions extends CallOptions {
  /** Of the workflow; by default the name of the file. */
  name?: string;
  /** Values by parameter. */
  parameters?: Record<string, unknown>;
  /** Nothing of its runs is kept. */
  stateless?: boolean;
}
export interface WorkflowFunctionOptions {
  /** Calls at the same time; 1 by default. */
  concurrency?: number;
  /** Told of failures; by default each is a warning of the process. */
  onError?: (error: unknown, call?: WorkflowFunctionCall) => void;
}
/** A function that performs actions of workflows. It ends with the runtime, or when it is closed. */
export interface WorkflowFunction extends AsyncDisposable {
  readonly name: string;
  /** Kept once calls are taken. */
  readonly ready: Promise<void>;
  /** Takes no more calls. One that is under way fails; its action may be tried again. */
  close(): Promise<void>;
}
/** Thrown by a function of a workflow to say how its action fails. */
export declare class WorkflowFunctionError extends Error {
  constructor(code: string, message?: string, options?: { retry?: boolean });
  readonly code: string;
  /** Another attempt may help; the retry policy of the action decides. */
  readonly retry: boolean;
}
/** The workflows of a runtime. */
export declare class Workflows extends WorkflowsService {
  private constructor();
  /** Deploys a definition, or a document that holds one, from a file. */
  deployFile(file: string | URL, options?: DeployFileOptions): Promise<WorkflowInfo>;
  /** Runs, newest first, however many there are. */
  allRuns(
    workflow: string, query?: Omit<WorkflowRunQuery, "workflow" | "limit" | "continuation"> & { pageSize?: number }, options?: CallOptions,
  ): AsyncGenerator<WorkflowRunInfo, void>;
  /** Fires a trigger; kept, with the run step by step, when its run has ended. */
  runToEnd(workflow: string, body?: unknown, options?: CallOptions & { trigger?: string }): Promise<WorkflowRunDetails>;
  /**
   * Performs actions of workflows: those whose connector, or function, `connections` maps to this name. What the function returns is
   * the body of the action's outputs; it fails when the function throws.
   */
  function(name: string, fn: (call: WorkflowFunctionCall) => unknown): WorkflowFunction;
  function(name: string, options: WorkflowFunctionOptions, fn: (call: WorkflowFunctionCall) => unknown): WorkflowFunction;
}

/** The resources of a runtime. */
export type Resources = ResourcesService;
/** How another instance of a provider takes over. Durations are in milliseconds, on the runtime's clock. */
export interface ProviderReload extends Omit<ProviderOptions, "first"> {
  /** What takes over from a provider that is written in JavaScript, and not the object that serves now. */
  provider?: ProviderSource;
  /** The new build of its plugin: a library, or the folder of its plugin.json; without it the file of the present one, as it is now. */
  library?: string | URL;
  /** The configuration of its plugin from now on; without it, of a library, the present one. */
  config?: Record<string, unknown>;
  /** All that the configuration says of it from now on: an item of `providers`. For an object, what else that says. */
  settings?: Record<string, unknown>;
  /** How long the instance before stands by, to serve again should the new one fail; 10 000 without it. */
  probation?: number;
  /** How long an instance that serves no more is still listened to; 10 000 without it. */
  drain?: number;
}
/** The providers of a runtime: what serves them, another build of one, and the end of one. */
export interface Providers {
  /** All of them, in the order in which they are asked. */
  list(options?: CallOptions): Promise<ProviderInfo[]>;
  /** One of them; rejected with `notFound`. */
  get(name: string, options?: CallOptions): Promise<ProviderInfo>;
  /**
   * Lets another instance of a provider take over; kept once new calls go to it. It is made and checked beside the one that serves; when
   * it cannot be made, that one goes on. Until the probation is over the instance before stands by, and serves again should the new one
   * fail; then it drains.
   */
  reload(name: string, change?: ProviderReload, options?: CallOptions): Promise<ProviderInfo>;
  /** Kept once a provider is not on probation; `lastReload` says what came of it. */
  wait(name: string, options?: CallOptions): Promise<ProviderInfo>;
  /** Takes away a provider that was registered while the runtime ran; kept once its calls have ended and it has stopped. */
  remove(name: string, options?: CallOptions): Promise<void>;
}
export interface Clock {
  now(): Date;
  /** Moves a virtual clock; kept once everything that became due has happened. */
  advance(ms: number, options?: CallOptions): Promise<Date>;
}
export interface ProviderKinds {
  sms: SmsProviderClient;
  identity: IdentityProviderClient;
  sandbox: SandboxProviderClient;
  sandboxMail: SandboxMailProviderClient;
  chat: ChatProviderClient;
  email: EmailProviderClient;
  pstn: PstnProviderClient;
  "pstn.audio": PstnAudioProviderClient;
  "pstn.trunks": PstnTrunkProviderClient;
  media: MediaProviderClient;
  webhook: WebhookReceiverClient;
}

/** A provider: an object with the methods, a class of such objects, or a function that makes one. */
export type ProviderSource = object | (new () => object) | (() => object);
export interface OpenOptions {
  /** Providers of this program, by the ids under which the configuration's `providers` name them as their `plugin`. */
  plugins?: Record<string, ProviderSource>;
}
export interface ProviderOptions {
  /** What it offers, where no base class says so: `"sms"`, an id such as `"trunkline.sms/1"`, or several. */
  interface?: string | string[];
  /** Its configuration, which `host.config` gives it. Checked against its `configSchema`. */
  config?: Record<string, unknown>;
  /** What its configuration may say, in the JSON Schema subset of plugin.json; else the static `configSchema` of its class. */
  configSchema?: Record<string, unknown>;
  /** Its secrets by name, which `host.secrets.get` gives it. */
  secrets?: Record<string, string>;
  /** Names of secrets that may be configured. */
  optionalSecrets?: string[];
  /** Milliseconds that one call may take; by default 30 000. */
  timeout?: number;
  /** What else the configuration's `providers` may say of one: `breaker`, `prices`, `rate`. */
  settings?: Record<string, unknown>;
  /**
   * By default it is asked before the providers that are there, whatever the routes say, and they stand in for it. False: after them, where
   * no route decides; `plugins` of `Runtime.open` lets routes name it.
   */
  first?: boolean;
  /** Milliseconds for what is under way when it is to end; then it is told to give up. By default 2000. */
  stopGrace?: number;
  /** MAJOR.MINOR.PATCH. */
  version?: string;
}

/** A runtime in this process. It is its default resource as well. */
export declare class Runtime extends Resource implements AsyncDisposable {
  private constructor();
  /** Opens a runtime. Without a configuration it simulates its carriers. */
  static open(config?: ConfigObject | ConfigFile | string, options?: OpenOptions): Promise<Runtime>;
  readonly clock: Clock;
  /** Its providers. */
  readonly providers: Providers;
  readonly resources: Resources;
  /** The custom topics. */
  readonly topics: EventTopicsService;
  /** The workflows. */
  readonly workflows: Workflows;
  /** Another resource. Whether it exists shows with the first call. */
  resource(name: string): Resource;
  /** A custom topic. Whether it exists shows with the first call. */
  topic(name: string): Topic;
  /** A provider itself, past routing, records and events. */
  provider<K extends keyof ProviderKinds>(name: string, kind: K): ProviderKinds[K];
  /**
   * Adds a provider that is written in JavaScript, under the same rules as one that is a library. Its methods are called on this thread
   * and may give promises; nobody waits for them but their callers. It ends with the runtime, and keeps no process alive.
   */
  registerProvider(name: string, provider: ProviderSource, options?: ProviderOptions): Promise<void>;
  readonly version: string;
  readonly closed: boolean;
  /** Kept once nothing is left to do without the clock moving. */
  settle(options?: CallOptions): Promise<void>;
  /** Metrics in the Prometheus text format. */
  metrics(options?: CallOptions): Promise<string>;
  /** The plugins that were found. */
  plugins(options?: CallOptions): Promise<PluginInfo[]>;
  /** Rejects what is in flight with `cancelled`; kept when everything is closed. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What an expression can ask. Everything is optional. */
export interface EvaluationContext {
  parameters?: Record<string, unknown>;
  variables?: Record<string, unknown>;
  trigger?: unknown;
  /** Records of actions by name: inputs, outputs, status, code, error, … */
  actions?: Record<string, unknown>;
  /** The record that `action()` gives. */
  action?: unknown;
  /** What `result('scope')` gives, by scope. */
  results?: Record<string, unknown[]>;
  /** Current items of loops, by loop. */
  items?: Record<string, unknown>;
  /** What `item()` gives. */
  item?: unknown;
  iterationIndexes?: Record<string, number>;
  workflow?: unknown;
  callbackUrl?: string;
  /** What `appsetting('name')` gives. */
  settings?: Record<string, unknown>;
  agentParameters?: Record<string, unknown>;
  /** The time, such as `2025-09-25T05:18:31.3384797Z`; that of the system unless given. */
  utcNow?: string;
}
/**
 * Evaluates an expression of the Workflow Definition Language (`"@add(1, 2)"`), or any JSON value with expressions in its strings.
 * Needs no runtime. Throws InvalidArgumentError with Logic Apps' code as `serviceCode` and `details.offset`, the byte at fault.
 * Integers beyond 2^53 lose digits on their way to JavaScript; wrap them in `string()`.
 */
export declare function evaluate(expression: unknown, context?: EvaluationContext): any;
