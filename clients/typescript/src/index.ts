export { Batch, type BatchOptions } from "./batch.js";
export {
  Aureon,
  type Charge,
  type Customer,
  type EventInput,
  type GrantOptions,
  type RefundOptions,
  type Usage,
  type VoidOptions,
} from "./client.js";
export { AureonError, EventsRejected, HoldEnded, InsufficientCredits, Unavailable } from "./errors.js";
export { Hold, type CaptureInput, type HoldOptions } from "./hold.js";
export { Decimal, type DecimalInput, type DecimalText, type EventMetadata, type Metadata, type Units } from "./json.js";
export type { Answer, Arguments, Route } from "./routes.js";
export type { components, paths } from "./schema.js";
export type { CallOptions, ClientOptions } from "./transport.js";
