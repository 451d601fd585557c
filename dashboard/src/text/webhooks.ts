// What webhooks tell of, in words.
import type { WebhookType } from "../data/shapes";
import type { Message } from "./words";

/** The types that the published SDKs parse. */
export const SHARED = {
  "customer.created": "A customer was created",
  "customer.updated": "A customer's profile changed",
  "customer.deleted": "A customer was deleted",
  "customer.state_changed": "Credits were granted, expired, ran low or recovered: the customer's state",
} as const satisfies Partial<Record<WebhookType, Message>>;

/** The types of our own, which those SDKs refuse. */
export const OWN = {
  "credits.low": "A balance fell to a threshold",
  "credits.depleted": "A balance fell to zero",
  "credits.recovered": "A balance is above a threshold again",
  "credits.granted": "Credits were granted",
  "credits.expired": "Credits expired",
  "hold.expired": "A hold expired",
  "audit.difference": "The nightly audit found a difference",
  "dead_letter.created": "A queue message failed for good",
} as const satisfies Partial<Record<WebhookType, Message>>;

const ALL: Record<WebhookType, Message> = { ...SHARED, ...OWN };

export const TYPES = Object.keys(ALL) as WebhookType[];
