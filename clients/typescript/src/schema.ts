// Made from functions/openapi_files/openapi.json by npm run generate: change it there.
import type { DecimalInput, DecimalText, EventMetadata, Metadata } from "./json.js";
export interface paths {
    "/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Ask whether the service is ready
         * @description Without a token.
         */
        get: operations["health"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get this document
         * @description Without a token.
         */
        get: operations["openapi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/activity/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List who did what
         * @description Newest first: tokens, meters and customers that were made, changed or removed, credits that were given or taken back, failed messages that were sent again or discarded. What is told is written together with what was done. Usage is in the list of events.
         */
        get: operations["list_activity"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/activity/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Export who did what
         * @description As CSV, in one answer, with `details` as JSON.
         */
        get: operations["export_activity"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/alerts/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List alerts
         * @description Newest first. An alert is `reached` until its balance has recovered.
         */
        get: operations["list_alerts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/credits/grants": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List grants with terms
         * @description Of one customer, newest first.
         */
        get: operations["list_grants"];
        put?: never;
        /**
         * Grant credits
         * @description The event is named as a spend is, with positive units: a sum meter must count it. With an expiry, a priority, a recurrence or a `meter_id` it is a grant with terms, of one meter; without, a negative event. With an `external_id` it is safe to send again.
         */
        post: operations["grant"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/credits/grants/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a grant with terms */
        get: operations["get_grant"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/credits/grants/{id}/void": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Take a grant back
         * @description Takes back what is left of it, and of what rolled over; it comes back no more. With `allow_debt` what was used of it as well, as after a charge-back.
         */
        post: operations["void_grant"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/credits/holds": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List open holds
         * @description Of one customer, newest first: those that reserve units now.
         */
        get: operations["list_holds"];
        put?: never;
        /**
         * Hold credits
         * @description Reserves units until they are captured or released, or the hold expires.
         */
        post: operations["place_hold"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/credits/holds/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a hold */
        get: operations["get_hold"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/credits/holds/{id}/capture": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Capture a hold
         * @description Counts what was used in the end, and releases the rest.
         */
        post: operations["capture_hold"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/credits/holds/{id}/extend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Extend a hold
         * @description Lets a hold last so many seconds from when it was placed, 24 hours at most; it is never made shorter. One that has expired is placed anew where there is enough left.
         */
        post: operations["extend_hold"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/credits/holds/{id}/release": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Release a hold
         * @description Gives the units back.
         */
        post: operations["release_hold"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/credits/refunds": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Refund an event
         * @description Gives back what a spend, a capture or an ingested event took, or `units` of it, and never more than that, all parts together. The units go back to the grants that they came from where these have not expired, else to credits that don't. With an `external_id` it is safe to send again; so is one without `units`.
         */
        post: operations["refund"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/credits/spend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Spend credits
         * @description Decides and counts in one atomic step: the event counts, or there is too little left and nothing is stored. With an `external_id` it is safe to send again. Of the sum and count meters that count the event, those decide on which the customer was ever granted anything; without any, all do. `meter_id` names one to decide alone.
         */
        post: operations["spend"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/customer-meters/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List balances
         * @description Without a customer and a meter every customer is read, one after the other: name one of them where there are more than a thousand.
         */
        get: operations["list_customer_meters"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/customer-meters/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a balance */
        get: operations["get_customer_meter"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/customer-meters/{id}/statement": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a customer's statement
         * @description Why the balance of a sum or count meter is what it is: each event that changed it from `start` to before `end`, the balance after it, and which call made it. It is made of the log alone, and asks for nothing of what came before `start`. Also as CSV.
         */
        get: operations["get_statement"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/customer-meters/{id}/thresholds": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a balance's thresholds
         * @description Those of the customer, or those of the meter, each with its state.
         */
        get: operations["get_thresholds"];
        /**
         * Set a customer's own thresholds
         * @description In place of the meter's; `null` takes them away. A balance that is below already makes no alert, unless `notify_current` says so.
         */
        put: operations["set_thresholds"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/customer-meters/credits": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Give a meter's credits
         * @description As Polar's clients do: a positive whole number of units of one sum meter, which never expire, as a grant with terms. The event `meter.credited` counts for this meter alone. With an `external_id` it is safe to send again.
         */
        post: operations["create_customer_meter_credit"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/customer-meters/credits/{id}/reverse": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Reverse a meter's credits
         * @description Takes back what is left of credits, by the id of their event, once. Again, or where nothing is left, it is a 409.
         */
        post: operations["reverse_customer_meter_credit"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/customer-portal/benefit-grants/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List benefit grants: none
         * @description For Polar's clients, which ask for it. The list is empty.
         */
        get: operations["portal_list_benefit_grants"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/customer-portal/customer-session/introspect": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get the session
         * @description With the organization that the customer belongs to.
         */
        get: operations["portal_get_session"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/customer-portal/customer-session/user": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get the session's customer
         * @description In the shape that Polar's clients ask for.
         */
        get: operations["portal_get_user"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/customer-portal/customers/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get the customer */
        get: operations["portal_get_customer"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/customer-portal/events/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the customer's events
         * @description With the metadata that the organization lists for its portal, and filtered by no other.
         */
        get: operations["portal_list_events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/customer-portal/grants/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the customer's grants with terms
         * @description Newest first; without notes, and with the metadata that the organization lists.
         */
        get: operations["portal_list_grants"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/customer-portal/meters/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the customer's balances */
        get: operations["portal_list_meters"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/customer-portal/meters/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a balance of the customer */
        get: operations["portal_get_meter"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/customer-portal/meters/{id}/quantities": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get what the customer used by interval
         * @description As those of a meter, by the id of the customer's balance.
         */
        get: operations["portal_get_quantities"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/customer-portal/meters/{id}/statement": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get why a balance of the customer is what it is
         * @description As the statement of a customer's meter, without reasons of refunds.
         */
        get: operations["portal_get_statement"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/customer-portal/orders/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List orders: none
         * @description For Polar's clients, which ask for it. The list is empty.
         */
        get: operations["portal_list_orders"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/customer-portal/subscriptions/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List subscriptions: none
         * @description For Polar's clients, which ask for it. The list is empty.
         */
        get: operations["portal_list_subscriptions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/customer-sessions/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Open a session for a customer
         * @description Its token opens what is under `/v1/customer-portal/` for this one customer, to read, and nothing else. It is good for an hour, or as long as it says, at most for a day; that of a deleted customer for no longer. Members of teams are passed over.
         */
        post: operations["create_customer_session"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/customers/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List customers */
        get: operations["list_customers"];
        put?: never;
        /**
         * Create a customer
         * @description Events that came before under the external id are the customer's. An e-mail address or an external id that is taken is a 422, which names the customer who has it.
         */
        post: operations["create_customer"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/customers/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a customer */
        get: operations["get_customer"];
        put?: never;
        post?: never;
        /**
         * Delete a customer
         * @description The address and the external id become free; the events stay in the log.
         */
        delete: operations["delete_customer"];
        options?: never;
        head?: never;
        /**
         * Change a customer
         * @description What is absent stays as it is. The external id is set once.
         */
        patch: operations["update_customer"];
        trace?: never;
    };
    "/v1/customers/{id}/state": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a customer with all balances
         * @description Exact now: it includes every event whose ingestion was answered.
         */
        get: operations["get_customer_state"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/customers/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Export all customers
         * @description As CSV, in one answer: `id`, `external_id`, `email`, `name`, `created_at`, and `metadata` as JSON. `aureon import customers` reads it.
         */
        get: operations["export_customers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/customers/external": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a customer by any external id
         * @description The external id is a query parameter, which carries any character.
         */
        get: operations["get_customer_by_external_id"];
        /**
         * Create or change a customer by any external id
         * @description 201 where it was created, 200 where it was there: then what is absent stays as it is. Of many at once, one creates it. The external id is a query parameter, which carries any character.
         */
        put: operations["put_customer_by_external_id"];
        post?: never;
        /**
         * Delete a customer by any external id
         * @description The address and the external id become free; the events stay in the log. The external id is a query parameter, which carries any character.
         */
        delete: operations["delete_customer_by_external_id"];
        options?: never;
        head?: never;
        /**
         * Change a customer by any external id
         * @description What is absent stays as it is. The external id is set once. The external id is a query parameter, which carries any character.
         */
        patch: operations["update_customer_by_external_id"];
        trace?: never;
    };
    "/v1/customers/external/{external_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a customer by external id
         * @description An external id may hold slashes, escaped or not. A path can't carry `?` and `#`, which the gateway may cut it at: give such an id as the query parameter `external_id`.
         */
        get: operations["get_customer_external"];
        /**
         * Create or change a customer by external id
         * @description 201 where it was created, 200 where it was there: then what is absent stays as it is. Of many at once, one creates it. An external id may hold slashes, escaped or not. A path can't carry `?` and `#`, which the gateway may cut it at: give such an id as the query parameter `external_id`.
         */
        put: operations["put_customer_external"];
        post?: never;
        /**
         * Delete a customer by external id
         * @description The address and the external id become free; the events stay in the log. An external id may hold slashes, escaped or not. A path can't carry `?` and `#`, which the gateway may cut it at: give such an id as the query parameter `external_id`.
         */
        delete: operations["delete_customer_external"];
        options?: never;
        head?: never;
        /**
         * Change a customer by external id
         * @description What is absent stays as it is. The external id is set once. An external id may hold slashes, escaped or not. A path can't carry `?` and `#`, which the gateway may cut it at: give such an id as the query parameter `external_id`.
         */
        patch: operations["update_customer_external"];
        trace?: never;
    };
    "/v1/customers/external/{external_id}/state": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a customer with all balances by external id
         * @description Exact now: it includes every event whose ingestion was answered. An external id may hold slashes, escaped or not. A path can't carry `?` and `#`, which the gateway may cut it at: give such an id as the query parameter `external_id`.
         */
        get: operations["get_customer_state_external"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/customers/state": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a customer with all balances by any external id
         * @description Exact now: it includes every event whose ingestion was answered. The external id is a query parameter, which carries any character.
         */
        get: operations["get_customer_state_by_external_id"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/dead-letters/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List dead letters
         * @description Messages that failed for good, and why, or that they would count now.
         */
        get: operations["list_dead_letters"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/dead-letters/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Discard a dead letter
         * @description For good: what of it has not counted never will. The audit trail keeps how many events it had, and why it failed.
         */
        delete: operations["discard_dead_letter"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/dead-letters/redrive": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send dead letters anew
         * @description What had counted of them does not count again.
         */
        post: operations["redrive_dead_letters"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/event-types/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the types of events
         * @description The names of events, as Polar's clients list them. They are counted whatever the events are parts of: `parent_id` and `root_events` are refused.
         */
        get: operations["list_event_types"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List events
         * @description Newest first. Those of named customers are exact now; those of everyone follow by a moment. Where something else than names, or the time alone, decides, counting is given up after a bounded number of reads: then `complete` is false, and there are more.
         */
        get: operations["list_events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get an event */
        get: operations["get_event"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events/{id}/void": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Take an event back
         * @description What is left of what it took is given back, and what is left of what it gave is taken. With `allow_debt` all of what it gave, as after a charge-back.
         */
        post: operations["void_event"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Export events
         * @description A part of the selected events, in the order of their hours. Ask again with the `after` of the header `X-Next-After`, or follow the `Link` to the next part, until an answer has neither; the parts, one behind the other, are one file.
         */
        get: operations["export_events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events/ingest": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Count events
         * @description Up to 1,000 events, all or, where one breaks a rule, none. An `external_id` counts once, for ever. When the answer arrives, every balance includes the events. Negative units give credits, which takes the scope `credits:grant`.
         */
        post: operations["ingest_events"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events/names": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the names of events */
        get: operations["list_event_names"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events/queue": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send events to the queue
         * @description The same body as for ingestion. Accepted does not mean valid: what breaks a rule becomes a dead letter.
         */
        post: operations["queue_events"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/meters/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List meters */
        get: operations["list_meters"];
        put?: never;
        /**
         * Create a meter
         * @description It counts the events from before it was made too: `backfill` says how far it has come.
         */
        post: operations["create_meter"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/meters/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a meter */
        get: operations["get_meter"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Change or archive a meter
         * @description What is absent stays as it is. Filter and aggregation change only while no event has counted. An archived meter stops counting.
         */
        patch: operations["update_meter"];
        trace?: never;
    };
    "/v1/meters/{id}/credits": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get what was granted, used and owed on a meter by day
         * @description Of the whole organization, by days in UTC, at most 366 at once. What moved follows by a moment. What customers have left, and what they used beyond it, is counted each night: null on days that were not counted.
         */
        get: operations["get_meter_credits"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/meters/{id}/customers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List a meter's customers by what they have left
         * @description The balances and rates are as they are now. Who is in the list, its order, which is by the first two digits, and the counts follow by a moment. Each part takes a bounded number of reads, however many customers there are: ask again with `after` for the next. A part may have fewer than `limit` where balances have changed meanwhile.
         */
        get: operations["list_meter_customers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/meters/{id}/quantities": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a meter's quantities by interval
         * @description By hour at most 7 days are shown at once, by day 366, by week 371, by month 4 years, and by year 10. Empty intervals are there too.
         */
        get: operations["get_meter_quantities"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/meters/external/{external_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a meter by external id
         * @description An external id may hold slashes, escaped or not. A path can't carry `?` and `#`, which the gateway may cut it at: give such an id as the query parameter `external_id`.
         */
        get: operations["get_meter_external"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/meters/preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Try a meter on the latest events
         * @description Nothing is stored.
         */
        post: operations["preview_meter"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/organizations/current": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get the token's organization with its settings */
        get: operations["get_current_organization"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Change the organization's settings
         * @description What is left out stays; null, or an empty list, takes a setting away.
         */
        patch: operations["update_current_organization"];
        trace?: never;
    };
    "/v1/overview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Count events, customers and meters
         * @description For any token: what it may not read is null. What it costs does not depend on how many events there are.
         */
        get: operations["get_overview"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tokens/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List tokens
         * @description Never the tokens themselves.
         */
        get: operations["list_tokens"];
        put?: never;
        /**
         * Create a token
         * @description It can't do more than the token that makes it, nor for longer. It is shown this once.
         */
        post: operations["create_token"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tokens/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Revoke a token
         * @description It stops within a minute.
         */
        delete: operations["revoke_token"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tokens/current": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get what this token allows */
        get: operations["get_current_token"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List deliveries
         * @description Every attempt of the last 30 days, newest first.
         */
        get: operations["list_webhook_deliveries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks/endpoints": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List endpoints */
        get: operations["list_webhook_endpoints"];
        put?: never;
        /**
         * Create an endpoint
         * @description It gets webhooks of the types that it names, from now on.
         */
        post: operations["create_webhook_endpoint"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks/endpoints/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get an endpoint */
        get: operations["get_webhook_endpoint"];
        put?: never;
        post?: never;
        /** Delete an endpoint */
        delete: operations["delete_webhook_endpoint"];
        options?: never;
        head?: never;
        /**
         * Change an endpoint
         * @description What is absent stays as it is. Enabling it again lets it begin anew.
         */
        patch: operations["update_webhook_endpoint"];
        trace?: never;
    };
    "/v1/webhooks/endpoints/{id}/secret": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Give an endpoint a new secret
         * @description What is sent from now on is signed with the new one.
         */
        patch: operations["reset_webhook_endpoint_secret"];
        trace?: never;
    };
    "/v1/webhooks/events/{id}/redeliver": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a webhook again
         * @description Under its id, to every endpoint that wants its type.
         */
        post: operations["redeliver_webhook_event"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description What the token of the request allows. */
        Access: {
            expires_at: string | null;
            organization_id: string;
            organization_name: string;
            /** @description The IANA time zone that the organization has chosen. */
            organization_time_zone: string | null;
            requests_per_second: number | null;
            restrict_to: components["schemas"]["Restriction"] | null;
            scopes: string[];
            token_id: string;
        };
        /** @description What somebody did, to which thing, and with which token. */
        Activity: {
            action: string;
            details: {
                [key: string]: string | boolean | DecimalText;
            };
            id: string;
            /** @description The id of what was made, changed or taken back. */
            subject_id: string;
            /** Format: date-time */
            timestamp: string;
            /** @description Null for the command line on the table. */
            token_id: string | null;
            token_name: string;
        };
        /** @description A page of a list. */
        ActivityPage: {
            items: components["schemas"]["Activity"][];
            pagination: components["schemas"]["Pagination"];
        };
        /** @description The token with which somebody decided. */
        Actor: {
            token_id: string;
            token_name: string;
        };
        Address: {
            city: string | null;
            country: string;
            line1: string | null;
            line2: string | null;
            postal_code: string | null;
            state: string | null;
        };
        AddressBody: {
            city?: string | null;
            country: string;
            line1?: string | null;
            line2?: string | null;
            postal_code?: string | null;
            state?: string | null;
        };
        Aggregation: {
            /** @enum {string} */
            func: "sum" | "count" | "avg" | "max" | "min" | "unique";
            property?: string;
        };
        AggregationBody: {
            /** @enum {string} */
            func: "sum" | "count" | "avg" | "max" | "min" | "unique";
            property?: string | null;
        };
        /** @description That a balance came down to a threshold, until it has recovered. */
        Alert: {
            /** @description What was left when it was noticed. */
            available_credits: DecimalText;
            /** Format: date-time */
            created_at: string;
            customer_email: string;
            customer_id: string;
            customer_name: string | null;
            ended_at: string | null;
            external_customer_id: string | null;
            id: string;
            meter_id: string;
            meter_name: string | null;
            /** @description Which crossing of the threshold it is, from 1. */
            ordinal: number;
            /**
             * @description `closed` where the threshold, the meter or the customer went away.
             * @enum {string}
             */
            state: "reached" | "recovered" | "closed";
            threshold: components["schemas"]["Threshold"];
            /** @description Where the threshold lay, in units. */
            threshold_units: DecimalText;
        };
        /** @description A page of a list. */
        AlertPage: {
            items: components["schemas"]["Alert"][];
            pagination: components["schemas"]["Pagination"];
        };
        /** @description How far a meter has counted the events from before it was made. */
        Backfill: {
            complete: boolean;
            /** @description How many events were counted. */
            events: number;
            /** @description How many customers are done. */
            ledgers: number;
            total_ledgers: number | null;
        };
        /** @description What a meter makes of a customer's events: negative while there are credits left. */
        Balance: {
            /** @description What can be spent: credits that are neither used nor held. */
            available_credits: DecimalText;
            /** @description The meter's value: negative while there are credits left. */
            balance: DecimalText;
            /** @description False while the meter is still counting the customer's past. */
            complete: boolean;
            /** @description The same as `balance`. */
            consumed_units: DecimalText;
            /** Format: date-time */
            created_at: string;
            /** @description Always 0: credits are negative events. */
            credited_units: number;
            /** @description How much of it expired or was taken back, positive. */
            expired_units: DecimalText;
            /** @description The sum of what was granted, positive. */
            granted_units: DecimalText;
            /** @description Units that open holds reserve. */
            held_units: DecimalText;
            id: string;
            /** @description Whether the meter decides on spends that it counts: because the customer was granted something on it, or because it always does. */
            limits_spending: boolean;
            /** @description The open grants with terms, first the one that is burned first. */
            lots: components["schemas"]["Lot"][] | null;
            meter_id: string;
            /** Format: date-time */
            modified_at: string;
            /** @description When credits expire next, and how many. */
            next_expiry: components["schemas"]["Expiry"] | null;
            /** @description The sum of what was used, positive. */
            used_units: DecimalText;
        };
        /** @description What was used in the end: metadata that takes the place of the hold's, key by key. */
        CaptureBody: {
            limit?: DecimalInput | null;
            metadata?: components["schemas"]["EventMetadataBody"];
        };
        Clause: {
            /** @enum {string} */
            operator: "eq" | "ne" | "gt" | "gte" | "lt" | "lte" | "like" | "not_like";
            property: string;
            value: string | number | boolean;
        };
        ClauseBody: {
            /** @enum {string} */
            operator: "eq" | "ne" | "gt" | "gte" | "lt" | "lte" | "like" | "not_like";
            property: string;
            value: string | number | boolean;
        };
        /** @description Units of one meter to give to a customer, as Polar's clients give them. */
        CreditBody: {
            customer_id?: string | null;
            external_customer_id?: string | null;
            /** @description An empty string counts as null. */
            external_id?: string | null;
            external_meter_id?: string | null;
            meter_id?: string | null;
            /**
             * @description Kept and returned. Aureon has no periods: what is left stays.
             * @default false
             */
            rollover?: boolean;
            units: number;
        };
        /** @description A day in UTC: what moved in it, and what was owed when that was counted, each night. */
        CreditDay: {
            counted_at: string | null;
            customers_over: number | null;
            customers_with_credits: number | null;
            expired_units: DecimalText | null;
            granted_units: DecimalText | null;
            /** @description What all customers together had left. */
            outstanding_units: DecimalText | null;
            /** @description What they had used beyond what they were granted. */
            overage_units: DecimalText | null;
            /** @description What was given back in this time, which is not used. */
            refunded_units: DecimalText | null;
            /**
             * Format: date-time
             * @description Where the day begins.
             */
            timestamp: string;
            used_units: DecimalText | null;
        };
        /** @description Where a customer stands by a meter. */
        CreditPosition: {
            available_credits: DecimalText;
            balance: DecimalText;
            /** @description Whether the meter decided on this. */
            decides: boolean;
            held_units: DecimalText;
            meter_id: string;
        };
        /** @description A customer. */
        Customer: {
            avatar_url: string;
            billing_address: components["schemas"]["Address"] | null;
            /** @description Always null; clients expect the key. */
            billing_name: string | null;
            /** Format: date-time */
            created_at: string;
            /** @description Always null; clients expect the key. */
            default_payment_method_id: string | null;
            deleted_at: string | null;
            email: string;
            email_verified: boolean;
            external_id: string | null;
            /** @description Always null; clients expect the key. */
            first_user_event_at: string | null;
            id: string;
            locale: string | null;
            metadata: components["schemas"]["Metadata"];
            modified_at: string | null;
            name: string | null;
            organization_id: string;
            /** @description The number, and its kind, always null. */
            tax_id: (string | null)[] | null;
            /** @enum {string} */
            type: "individual" | "team";
        };
        CustomerBody: {
            billing_address?: components["schemas"]["AddressBody"] | null;
            email?: string | null;
            /** @description An empty string counts as null. */
            external_id?: string | null;
            locale?: string | null;
            metadata?: components["schemas"]["MetadataBody"];
            name?: string | null;
            tax_id?: string | null;
            type?: ("individual" | "team") | null;
        };
        /** @description A customer's balance, with the customer and the meter. */
        CustomerMeter: {
            /** @description What can be spent: credits that are neither used nor held. */
            available_credits: DecimalText;
            /** @description The meter's value: negative while there are credits left. */
            balance: DecimalText;
            /** @description False while the meter is still counting the customer's past. */
            complete: boolean;
            /** @description The same as `balance`. */
            consumed_units: DecimalText;
            /** Format: date-time */
            created_at: string;
            /** @description Always 0: credits are negative events. */
            credited_units: number;
            customer: components["schemas"]["Customer"];
            customer_id: string;
            /** @description How much of it expired or was taken back, positive. */
            expired_units: DecimalText;
            /** @description The sum of what was granted, positive. */
            granted_units: DecimalText;
            /** @description Units that open holds reserve. */
            held_units: DecimalText;
            id: string;
            /** @description Whether the meter decides on spends that it counts: because the customer was granted something on it, or because it always does. */
            limits_spending: boolean;
            /** @description The open grants with terms, first the one that is burned first. */
            lots: components["schemas"]["Lot"][] | null;
            meter: components["schemas"]["Meter"];
            meter_id: string;
            /** Format: date-time */
            modified_at: string;
            /** @description When credits expire next, and how many. */
            next_expiry: components["schemas"]["Expiry"] | null;
            /** @description The sum of what was used, positive. */
            used_units: DecimalText;
        };
        /** @description A page of a list. */
        CustomerMeterPage: {
            items: components["schemas"]["CustomerMeter"][];
            pagination: components["schemas"]["Pagination"];
        };
        /** @description A page of a list. */
        CustomerPage: {
            items: components["schemas"]["Customer"][];
            pagination: components["schemas"]["Pagination"];
        };
        /** @description What a customer with an external id is to be: made so, or changed where it is there. */
        CustomerPutBody: {
            billing_address?: components["schemas"]["AddressBody"] | null;
            email?: string | null;
            /** @description An empty string counts as null. */
            external_id?: string | null;
            locale?: string | null;
            metadata?: components["schemas"]["MetadataBody"] | null;
            name?: string | null;
            tax_id?: string | null;
            type?: ("individual" | "team") | null;
        };
        /** @description A session of a customer: the only time that its token is shown. */
        CustomerSession: {
            /** Format: date-time */
            created_at: string;
            customer: components["schemas"]["Customer"];
            customer_id: string;
            /** @description The page for the customer, with the token in its fragment. */
            customer_portal_url: string;
            /** Format: date-time */
            expires_at: string;
            id: string;
            /** @description Always null; clients expect the key. */
            modified_at: string | null;
            return_url: string | null;
            token: string;
        };
        /** @description A session for a customer to see what is theirs: one of the two ids says whose. */
        CustomerSessionBody: {
            customer_id?: string | null;
            /**
             * @description How long it is valid.
             * @default 3600
             */
            expires_in_seconds?: number;
            external_customer_id?: string | null;
            /** @description Where the page leads back to. */
            return_url?: string | null;
        };
        /** @description A customer with all its balances. */
        CustomerState: {
            active_meters: components["schemas"]["Balance"][];
            /** @description Always empty. */
            active_subscriptions: unknown[];
            avatar_url: string;
            billing_address: components["schemas"]["Address"] | null;
            /** @description Always null; clients expect the key. */
            billing_name: string | null;
            /** Format: date-time */
            created_at: string;
            /** @description Always null; clients expect the key. */
            default_payment_method_id: string | null;
            deleted_at: string | null;
            email: string;
            email_verified: boolean;
            external_id: string | null;
            /** @description Always null; clients expect the key. */
            first_user_event_at: string | null;
            /** @description Always empty. */
            granted_benefits: unknown[];
            id: string;
            locale: string | null;
            metadata: components["schemas"]["Metadata"];
            modified_at: string | null;
            name: string | null;
            organization_id: string;
            /** @description The number, and its kind, always null. */
            tax_id: (string | null)[] | null;
            /** @enum {string} */
            type: "individual" | "team";
        };
        /** @description A change of a customer: what is absent stays as it is. */
        CustomerUpdateBody: {
            billing_address?: components["schemas"]["AddressBody"] | null;
            email?: string | null;
            /** @description An empty string counts as null. */
            external_id?: string | null;
            locale?: string | null;
            metadata?: components["schemas"]["MetadataBody"] | null;
            name?: string | null;
            tax_id?: string | null;
        };
        /** @description A page of dead letters; not `complete` where there were more than could be looked at. */
        DeadLetters: {
            complete: boolean;
            items: unknown[];
            pagination: components["schemas"]["Pagination"];
            /** @description Whether there is an ingestion queue at all. */
            queue: boolean;
        };
        /** @description Units that were taken of a grant with terms. */
        Drawn: {
            grant_id: string;
            meter_id: string;
            units: DecimalText;
        };
        /**
         * @description Where webhooks of these types are to go.
         *
         *     `aureon:listen` in place of a URL keeps them for a day, for who reads the deliveries.
         */
        EndpointBody: {
            events: ("customer.created" | "customer.updated" | "customer.deleted" | "customer.state_changed" | "credits.low" | "credits.depleted" | "credits.recovered" | "credits.granted" | "credits.expired" | "hold.expired" | "audit.difference" | "dead_letter.created")[];
            /**
             * @default raw
             * @enum {string}
             */
            format?: "raw";
            name?: string | null;
            url: string;
        };
        /** @description A change of an endpoint: what is absent stays as it is. */
        EndpointUpdateBody: {
            enabled?: boolean | null;
            events?: ("customer.created" | "customer.updated" | "customer.deleted" | "customer.state_changed" | "credits.low" | "credits.depleted" | "credits.recovered" | "credits.granted" | "credits.expired" | "hold.expired" | "audit.difference" | "dead_letter.created")[] | null;
            format?: "raw" | null;
            name?: string | null;
            url?: string | null;
        };
        /** @description An event. */
        Event: {
            /** @description Who decided on it: of an event that is read by its id. */
            actor?: components["schemas"]["Actor"] | null;
            /** @description Always 0. */
            child_count: number;
            /** @description Null while no customer has its external id. */
            customer: components["schemas"]["Customer"] | null;
            customer_id: string | null;
            external_customer_id: string | null;
            external_id: string | null;
            /** @description Always null; clients expect the key. */
            external_member_id: string | null;
            /** @description Its place in the log. */
            id: string;
            label: string;
            /** @description Always null; clients expect the key. */
            member_id: string | null;
            metadata: components["schemas"]["Metadata"];
            name: string;
            /** @description What was noted with a grant: of an event that is read by its id. */
            note?: string | null;
            organization_id: string;
            /** @description The event that it is a part of, as it was sent. */
            parent_id: string | null;
            /** @description What was given back of it: of an event that is read by its id. */
            refunds?: components["schemas"]["EventRefund"][];
            source: string;
            /** Format: date-time */
            timestamp: string;
        };
        /** @description One event as it is sent. Its time is checked against ``received_at`` in the context. */
        EventBody: {
            customer_id?: string | null;
            external_customer_id?: string | null;
            /** @description An empty string counts as null. */
            external_id?: string | null;
            metadata?: components["schemas"]["EventMetadataBody"];
            name: string;
            /** @description The event that it is a part of, by its id or its external id. It is kept as it is sent. */
            parent_id?: string | null;
            /** @description With its offset, at most 5 minutes ahead. Without one, it is now. */
            timestamp?: string | null;
        };
        /** @description Strings of 1 to 500 characters, booleans, and numbers, which are kept as they are written, in up to 40 characters. `_cost` may be an object that says what the event cost: `amount` and `currency`; and `_llm` one for the call to a language model behind it: `vendor`, `model`, `input_tokens`, `output_tokens`, `total_tokens`, and if you like `cached_input_tokens`, `prompt`, `response`. */
        EventMetadataBody: EventMetadata;
        /** @description The events of one name. */
        EventName: {
            /** Format: date-time */
            first_seen: string;
            label: string;
            /** Format: date-time */
            last_seen: string;
            name: string;
            occurrences: number;
            source: string;
        };
        /** @description A page of a list. */
        EventNamePage: {
            items: components["schemas"]["EventName"][];
            pagination: components["schemas"]["Pagination"];
        };
        /** @description A page of events; not `complete` where counting was given up: there are more than that. */
        EventPage: {
            complete: boolean;
            items: components["schemas"]["Event"][];
            pagination: components["schemas"]["Pagination"];
        };
        /** @description A refund of an event, or that it was voided. */
        EventRefund: {
            actor: components["schemas"]["Actor"] | null;
            /** Format: date-time */
            created_at: string;
            external_id: string | null;
            /** @description The event that counts it. */
            id: string | null;
            reason: string | null;
            /** @description Empty for a grant with terms that was voided. */
            units: components["schemas"]["EventRefundUnits"][];
            /** @description Whether the event was taken back as a whole. */
            void: boolean;
        };
        /** @description What was given back, or taken back, of what a meter counted. */
        EventRefundUnits: {
            meter_id: string;
            refunded_units: DecimalText;
            voided_units: DecimalText;
        };
        /** @description The events of one name, as Polar's clients list their types. They have no ids here. */
        EventType: {
            /** @description Always null; clients expect the key. */
            created_at: string | null;
            /** Format: date-time */
            first_seen: string;
            /** @description Always null; clients expect the key. */
            id: string | null;
            label: string;
            /** @description Always null; clients expect the key. */
            label_property_selector: string | null;
            /** Format: date-time */
            last_seen: string;
            /** @description Always null; clients expect the key. */
            modified_at: string | null;
            name: string;
            occurrences: number;
            organization_id: string;
            source: string;
        };
        /** @description A page of a list. */
        EventTypePage: {
            items: components["schemas"]["EventType"][];
            pagination: components["schemas"]["Pagination"];
        };
        Expiry: {
            /** Format: date-time */
            at: string;
            units: DecimalText;
        };
        /** @description How long a hold is to last, counted from when it was placed: sent again, it says the same. */
        ExtendBody: {
            expires_in_seconds: number;
        };
        /** @description What went wrong, and what can be done. */
        Failed: {
            detail: string;
            error: string;
        };
        Filter: {
            clauses: (components["schemas"]["Clause"] | components["schemas"]["Filter"])[];
            /** @enum {string} */
            conjunction: "and" | "or";
        };
        FilterBody: {
            clauses: (components["schemas"]["ClauseBody"] | components["schemas"]["FilterBody"])[];
            /** @enum {string} */
            conjunction: "and" | "or";
        };
        /** @description What the gateway itself says. */
        GatewayMessage: {
            message: string;
        };
        /**
         * @description Credits that were given, and what has become of them.
         *
         *     Without terms they are there for good, as a negative event, and what became of them is null.
         */
        Grant: {
            /** Format: date-time */
            created_at: string;
            customer_id: string;
            expired_units: DecimalText | null;
            expires_at: string | null;
            external_id: string | null;
            id: string;
            /** @description As it was sent. */
            metadata: components["schemas"]["Metadata"] | null;
            meter_id: string;
            /** @description Where the customer stands, after something was done. */
            meters: components["schemas"]["CreditPosition"][];
            name: string;
            note: string | null;
            /** @description The grant that it recurs or was rolled over from. */
            previous_id: string | null;
            /** @description 0 to 100: what is lower is burned first. */
            priority: number | null;
            recurrence: components["schemas"]["Recurrence"] | null;
            remaining_units: DecimalText | null;
            /** @description What repaid debt when it was given. */
            repaid_units: DecimalText | null;
            rolled_over_units: DecimalText | null;
            rollover: components["schemas"]["Rollover"] | null;
            /** @enum {string} */
            status: "active" | "used_up" | "expired" | "voided" | "for_good";
            units: DecimalText;
            /** @description What usage has burned of it. */
            used_units: DecimalText | null;
            voided_units: DecimalText | null;
        };
        GrantBody: {
            customer_id?: string | null;
            expires_at?: string | null;
            expires_in_seconds?: number | null;
            external_customer_id?: string | null;
            /** @description An empty string counts as null. */
            external_id?: string | null;
            metadata?: components["schemas"]["EventMetadataBody"];
            meter_id?: string | null;
            name: string;
            note?: string | null;
            priority?: number | null;
            recurrence?: components["schemas"]["RecurrenceBody"] | null;
            rollover?: components["schemas"]["RolloverBody"] | null;
        };
        /** @description A page of a list. */
        GrantPage: {
            items: components["schemas"]["Grant"][];
            pagination: components["schemas"]["Pagination"];
        };
        Health: {
            /** @constant */
            status: "ok";
        };
        HeldUnits: {
            meter_id: string;
            units: DecimalText;
        };
        /** @description Units that are reserved until they are captured or released, or the hold expires. */
        Hold: {
            /** Format: date-time */
            created_at: string;
            /** @description Null where it was placed before there was a customer. */
            customer_id: string | null;
            /** @description How much was taken of which grants with terms; null where that is no longer known. */
            drawn: components["schemas"]["Drawn"][] | null;
            /** @description The event that counted its capture. */
            event_id: string | null;
            /** Format: date-time */
            expires_at: string;
            /** @description The external id that named the customer, if one did. */
            external_customer_id: string | null;
            external_id: string;
            id: string;
            limit: DecimalText;
            metadata: components["schemas"]["Metadata"];
            /** @description Where the customer stands, after something was done. */
            meters: components["schemas"]["CreditPosition"][];
            name: string;
            /** @enum {string} */
            status: "open" | "captured" | "released" | "expired";
            units: components["schemas"]["HeldUnits"][];
        };
        HoldBody: {
            customer_id?: string | null;
            /** @default 600 */
            expires_in_seconds?: number;
            external_customer_id?: string | null;
            external_id: string;
            /**
             * @description A decimal, exact: at most 15 digits before the point, and rounded to 12 after it, halves to the even digit.
             * @default 0
             */
            limit?: DecimalInput;
            metadata?: components["schemas"]["EventMetadataBody"];
            meter_id?: string | null;
            name: string;
        };
        /** @description A page of a list. */
        HoldPage: {
            items: components["schemas"]["Hold"][];
            pagination: components["schemas"]["Pagination"];
        };
        /** @description The body of an ingestion. That there are not too many events is checked before. */
        IngestBody: {
            events: components["schemas"]["EventBody"][];
        };
        /** @description What became of the events. */
        Ingested: {
            /** @description The places of duplicates whose content differs from what counted. */
            conflicts?: number[];
            /** @description Events whose external id had counted before. */
            duplicates: number;
            /** @description Events that count by this request. */
            inserted: number;
            /** @description Strings where a meter counts numbers: they counted as nothing. */
            warnings?: components["schemas"]["Problem"][];
        };
        /** @description There is too little left; nothing was stored. */
        InsufficientCredits: {
            available_credits: DecimalText;
            balance: DecimalText;
            /** @constant */
            error: "InsufficientCredits";
            meter_id: string;
            meter_name: string;
            required: DecimalText;
        };
        /** @description The request breaks rules; nothing of it was stored. */
        Invalid: {
            detail: components["schemas"]["Problem"][];
            /** @constant */
            error: "RequestValidationError";
        };
        Left: {
            id: string;
            reason: string;
        };
        /** @description A grant with terms of which some is left. */
        Lot: {
            /** Format: date-time */
            created_at: string;
            expires_at: string | null;
            grant_id: string;
            name: string;
            priority: number;
            recurs: boolean;
            remaining_units: DecimalText;
            units: DecimalText;
        };
        Metadata: {
            [key: string]: unknown;
        };
        /** @description Strings of 1 to 500 characters, booleans, and numbers, which are kept as they are written, in up to 40 characters. */
        MetadataBody: Metadata;
        /** @description A meter: which events it counts, and how. */
        Meter: {
            aggregation: components["schemas"]["Aggregation"];
            archived_at: string | null;
            /** Format: date-time */
            created_at: string;
            custom_label: string | null;
            custom_multiplier: number | null;
            /** @description The meter's name in your own system. */
            external_id: string | null;
            filter: components["schemas"]["Filter"];
            /** @description Quantities are told by their values too. */
            group_by: string[];
            id: string;
            /**
             * @description Whether it decides on spends: `auto` where credits were given on it.
             * @enum {string}
             */
            limits_spending: "auto" | "always" | "never";
            metadata: components["schemas"]["Metadata"];
            modified_at: string | null;
            name: string;
            organization_id: string;
            thresholds: components["schemas"]["Threshold"][];
            /** @enum {string} */
            unit: "scalar" | "token" | "custom";
        };
        MeterBody: {
            aggregation: components["schemas"]["AggregationBody"];
            custom_label?: string | null;
            custom_multiplier?: number | null;
            /** @description An empty string counts as null. */
            external_id?: string | null;
            filter: components["schemas"]["FilterBody"];
            group_by?: string[];
            /**
             * @default auto
             * @enum {string}
             */
            limits_spending?: "auto" | "always" | "never";
            metadata?: components["schemas"]["MetadataBody"];
            name: string;
            thresholds?: components["schemas"]["ThresholdBody"][];
            /**
             * @default scalar
             * @enum {string}
             */
            unit?: "scalar" | "token" | "custom";
        };
        /** @description An organization's credits on a meter, by day. */
        MeterCredits: {
            /** @description False while the meter counts its past. */
            complete: boolean;
            expired_units: DecimalText | null;
            granted_units: DecimalText | null;
            items: components["schemas"]["CreditDay"][];
            /** @description What was given back in this time, which is not used. */
            refunded_units: DecimalText | null;
            used_units: DecimalText | null;
        };
        /** @description A part of a meter's customers, in the order of what they have left. */
        MeterCustomers: {
            counts: components["schemas"]["StatusCounts"];
            items: components["schemas"]["RatedCustomerMeter"][];
            /** @description Where the next part begins: its `after`; null at the end. */
            next: string | null;
        };
        /** @description A change of a meter: what is absent stays as it is. */
        MeterUpdateBody: {
            aggregation?: components["schemas"]["AggregationBody"] | null;
            custom_label?: string | null;
            custom_multiplier?: number | null;
            /** @description An empty string counts as null. */
            external_id?: string | null;
            filter?: components["schemas"]["FilterBody"] | null;
            group_by?: string[] | null;
            is_archived?: boolean | null;
            limits_spending?: ("auto" | "always" | "never") | null;
            metadata?: components["schemas"]["MetadataBody"] | null;
            name?: string | null;
            /** @default false */
            notify_current?: boolean;
            thresholds?: components["schemas"]["ThresholdBody"][] | null;
            unit?: ("scalar" | "token" | "custom") | null;
        };
        /** @description A meter, and how far it has counted the past. */
        MeterWithBackfill: {
            aggregation: components["schemas"]["Aggregation"];
            archived_at: string | null;
            backfill: components["schemas"]["Backfill"];
            /** @description How far what is grouped has come with the past; without events. */
            breakdowns: components["schemas"]["Backfill"] | null;
            /** Format: date-time */
            created_at: string;
            custom_label: string | null;
            custom_multiplier: number | null;
            /** @description The meter's name in your own system. */
            external_id: string | null;
            filter: components["schemas"]["Filter"];
            /** @description Quantities are told by their values too. */
            group_by: string[];
            id: string;
            /**
             * @description Whether it decides on spends: `auto` where credits were given on it.
             * @enum {string}
             */
            limits_spending: "auto" | "always" | "never";
            metadata: components["schemas"]["Metadata"];
            modified_at: string | null;
            name: string;
            organization_id: string;
            thresholds: components["schemas"]["Threshold"][];
            /** @enum {string} */
            unit: "scalar" | "token" | "custom";
        };
        /** @description A page of a list. */
        MeterWithBackfillPage: {
            items: components["schemas"]["MeterWithBackfill"][];
            pagination: components["schemas"]["Pagination"];
        };
        /** @description A new access token. */
        NewToken: {
            /** Format: date-time */
            created_at: string;
            expires_at: string | null;
            id: string;
            name: string;
            requests_per_second: number | null;
            restrict_to: components["schemas"]["Restriction"] | null;
            revoked_at: string | null;
            scopes: string[];
            /** @description The token, shown only this once. */
            token: string;
        };
        /** @description There is no such thing in this organization. */
        NotFound: {
            /** @constant */
            detail: "Not found";
            /** @constant */
            error: "ResourceNotFound";
        };
        /** @description What Polar has and Aureon does not: a list of it is empty. */
        Nothing: Record<string, never>;
        /** @description A page of a list. */
        NothingPage: {
            items: components["schemas"]["Nothing"][];
            pagination: components["schemas"]["Pagination"];
        };
        /** @description The token's organization, and what it has chosen. */
        Organization: {
            /** @description As `#rrggbb`. */
            colour: string | null;
            /** Format: date-time */
            created_at: string;
            id: string;
            modified_at: string | null;
            name: string;
            /** @description Origins whose pages may call the portal's API and embed its page. */
            origins: string[];
            /** @description Keys of events' metadata that customers see. */
            portal_metadata_keys: string[];
            /** @description An IANA name. */
            time_zone: string | null;
        };
        /** @description Changes of an organization's settings: what is left out stays, null takes it away. */
        OrganizationUpdateBody: {
            /** @description Such as #3366ff. It is adapted where it would be hard to read. */
            colour?: string | null;
            name?: string;
            /** @description Origins whose pages may call the portal's API and embed its page. */
            origins?: string[] | null;
            /** @description Keys of events' metadata that customers see. */
            portal_metadata_keys?: string[] | null;
            /** @description An IANA name: Europe/Berlin. */
            time_zone?: string | null;
        };
        /** @description How much there is of what; null of what the token may not read. */
        Overview: {
            customers: number | null;
            /** @description How many events, of all time. */
            events: number | null;
            /** @description The time of the latest event. */
            last_event_at: string | null;
            /** @description Those that are not archived. */
            meters: number | null;
        };
        /** @description A customer's own thresholds of a meter, in place of the meter's; null takes them away. */
        OwnThresholdsBody: {
            /** @default false */
            notify_current?: boolean;
            thresholds: components["schemas"]["ThresholdBody"][] | null;
        };
        Pagination: {
            /** @description The last page that has items. */
            max_page: number;
            /** @description How many there are in all. */
            total_count: number;
        };
        PortalAggregation: {
            /** @enum {string} */
            func: "sum" | "count" | "avg" | "max" | "min" | "unique";
        };
        /** @description A customer as they see themselves. */
        PortalCustomer: {
            billing_address: components["schemas"]["Address"] | null;
            /** @description Always null; clients expect the key. */
            billing_name: string | null;
            /** Format: date-time */
            created_at: string;
            /** @description Always null; clients expect the key. */
            default_payment_method_id: string | null;
            email: string;
            email_verified: boolean;
            id: string;
            locale: string | null;
            modified_at: string | null;
            name: string | null;
            oauth_accounts: {
                [key: string]: unknown;
            };
            tax_id: (string | null)[] | null;
            /** @enum {string} */
            type: "individual" | "team";
        };
        /** @description An event, as its customer sees it. */
        PortalEvent: {
            external_id: string | null;
            id: string;
            label: string;
            /** @description Of the keys that the organization lists for its portal. */
            metadata: components["schemas"]["Metadata"];
            name: string;
            source: string;
            /** Format: date-time */
            timestamp: string;
        };
        /** @description A page of a list. */
        PortalEventPage: {
            items: components["schemas"]["PortalEvent"][];
            pagination: components["schemas"]["Pagination"];
        };
        /** @description What a meter makes of the customer's events. */
        PortalMeter: {
            /** @description What can be spent: credits that are neither used nor held. */
            available_credits: DecimalText;
            /** @description The meter's value: negative while there are credits left. */
            balance: DecimalText;
            /** @description False while the meter is still counting the customer's past. */
            complete: boolean;
            /** @description The same as `balance`. */
            consumed_units: DecimalText;
            /** Format: date-time */
            created_at: string;
            /** @description Always 0: credits are negative events. */
            credited_units: number;
            customer_id: string;
            /** @description How much of it expired or was taken back, positive. */
            expired_units: DecimalText;
            /** @description The sum of what was granted, positive. */
            granted_units: DecimalText;
            /** @description Units that open holds reserve. */
            held_units: DecimalText;
            id: string;
            /** @description Whether the meter decides on spends that it counts: because the customer was granted something on it, or because it always does. */
            limits_spending: boolean;
            /** @description The open grants with terms, first the one that is burned first. */
            lots: components["schemas"]["Lot"][] | null;
            meter: components["schemas"]["PortalMeterDefinition"];
            meter_id: string;
            /** Format: date-time */
            modified_at: string;
            /** @description When credits expire next, and how many. */
            next_expiry: components["schemas"]["Expiry"] | null;
            /** @description The sum of what was used, positive. */
            used_units: DecimalText;
        };
        /** @description What a meter is called, and what it counts in. */
        PortalMeterDefinition: {
            aggregation: components["schemas"]["PortalAggregation"];
            /** Format: date-time */
            created_at: string;
            custom_label: string | null;
            custom_multiplier: number | null;
            /** @description By which properties the customer may see quantities. */
            group_by: string[];
            id: string;
            modified_at: string | null;
            name: string;
            /** @enum {string} */
            unit: "scalar" | "token" | "custom";
        };
        /** @description A page of a list. */
        PortalMeterPage: {
            items: components["schemas"]["PortalMeter"][];
            pagination: components["schemas"]["Pagination"];
        };
        PortalOrganization: {
            colour: string | null;
            id: string;
            name: string;
            time_zone: string | null;
        };
        /** @description The session of the request. */
        PortalSession: {
            /** Format: date-time */
            expires_at: string;
            organization: components["schemas"]["PortalOrganization"];
            return_url: string | null;
        };
        /** @description The session's customer, in the shape of Polar's users. */
        PortalUser: {
            customer_id: string;
            email: string;
            /** @description Always null; clients expect the key. */
            member_id: string | null;
            name: string | null;
            /** @description Always null; clients expect the key. */
            role: string | null;
            /** @constant */
            type: "customer";
        };
        /** @description What a meter would make of the latest events. */
        Preview: {
            counted: number;
            examined: number;
            items: components["schemas"]["PreviewedEvent"][];
            total: DecimalText;
        };
        /** @description A meter to try on the latest events: on so many, at most. */
        PreviewBody: {
            aggregation: components["schemas"]["AggregationBody"];
            filter: components["schemas"]["FilterBody"];
            /** @default 100 */
            limit?: number;
        };
        PreviewedEvent: {
            /** @description Whether the meter would count it. */
            counts: boolean;
            event: components["schemas"]["Event"];
            /** @description Whether the filter chooses it. */
            matches: boolean;
            value: DecimalText | null;
        };
        /** @description A rule that is broken, and where. */
        Problem: {
            input: unknown;
            loc: (string | number)[];
            msg: string;
            type: string;
        };
        /** @description A meter's quantities, and with `group_by` those of a property's greatest values. */
        Quantities: {
            /** @description False while the meter counts its past. */
            complete: boolean;
            expired_units: DecimalText | null;
            granted_units: DecimalText | null;
            groups: components["schemas"]["QuantityGroup"][] | null;
            quantities: components["schemas"]["Quantity"][];
            /** @description What was given back in this time, which is not used. */
            refunded_units: DecimalText | null;
            total: DecimalText;
            used_units: DecimalText | null;
        };
        Quantity: {
            expired_units: DecimalText | null;
            granted_units: DecimalText | null;
            quantity: DecimalText;
            /** @description What was given back in this time, which is not used. */
            refunded_units: DecimalText | null;
            /**
             * Format: date-time
             * @description Where the interval begins.
             */
            timestamp: string;
            used_units: DecimalText | null;
        };
        /** @description The same of the events in which a property has one value, or of one customer's. */
        QuantityGroup: {
            customer: components["schemas"]["Customer"] | null;
            expired_units: DecimalText | null;
            granted_units: DecimalText | null;
            /**
             * @description `none` where the property is absent; `other` of all other values.
             * @enum {string}
             */
            kind: "value" | "none" | "other" | "customer";
            quantities: components["schemas"]["Quantity"][];
            /** @description What was given back in this time, which is not used. */
            refunded_units: DecimalText | null;
            total: DecimalText;
            used_units: DecimalText | null;
            /** @description The customer's id, or the ledger's where no customer has the external id. */
            value: string | boolean | DecimalText | null;
        };
        /** @description What a customer used in the last days, and how long what is left lasts at that. */
        Rate: {
            /** @description How many days of 24 hours, up to now. */
            days: number;
            /** @description Whole days; null where nothing was used. */
            lasts_days: number | null;
            used_units: DecimalText;
        };
        /** @description A customer's balance, with the rates of the last 7 and 30 days. */
        RatedCustomerMeter: {
            /** @description What can be spent: credits that are neither used nor held. */
            available_credits: DecimalText;
            /** @description The meter's value: negative while there are credits left. */
            balance: DecimalText;
            /** @description False while the meter is still counting the customer's past. */
            complete: boolean;
            /** @description The same as `balance`. */
            consumed_units: DecimalText;
            /** Format: date-time */
            created_at: string;
            /** @description Always 0: credits are negative events. */
            credited_units: number;
            customer: components["schemas"]["Customer"];
            customer_id: string;
            /** @description How much of it expired or was taken back, positive. */
            expired_units: DecimalText;
            /** @description The sum of what was granted, positive. */
            granted_units: DecimalText;
            /** @description Units that open holds reserve. */
            held_units: DecimalText;
            id: string;
            /** @description Whether the meter decides on spends that it counts: because the customer was granted something on it, or because it always does. */
            limits_spending: boolean;
            /** @description The open grants with terms, first the one that is burned first. */
            lots: components["schemas"]["Lot"][] | null;
            meter: components["schemas"]["Meter"];
            meter_id: string;
            /** Format: date-time */
            modified_at: string;
            /** @description When credits expire next, and how many. */
            next_expiry: components["schemas"]["Expiry"] | null;
            rates: components["schemas"]["Rate"][];
            /** @description The sum of what was used, positive. */
            used_units: DecimalText;
        };
        /** @description When credits come back, as the clocks of a time zone show it. */
        Recurrence: {
            /** @description A time of the time zone, without an offset. */
            anchor: string;
            /** @enum {string} */
            every: "day" | "week" | "month" | "year";
            /** @description How often they will come again; null: for ever. */
            left: number | null;
            timezone: string;
            /** @description How many; null: as many as this time. */
            units: DecimalText | null;
        };
        /**
         * @description How often the credits come back: `count` times in all, or for ever.
         *
         *     So many `units` come back, where it is not as many as are given now.
         */
        RecurrenceBody: {
            anchor?: string | null;
            count?: number | null;
            /** @enum {string} */
            every: "day" | "week" | "month" | "year";
            /** @default UTC */
            timezone?: string;
            units?: DecimalInput | null;
        };
        Redelivered: {
            id: string;
        };
        /** @description Which dead letters to send anew; without ids, all that the organization has. */
        RedriveBody: {
            ids?: string[] | null;
        };
        /** @description How many dead letters were sent anew, and which were left. */
        Redriven: {
            complete: boolean;
            left: components["schemas"]["Left"][];
            redriven: number;
        };
        /** @description What was given back of an event. */
        Refund: {
            /** Format: date-time */
            created_at: string;
            /** @description Null while no customer has the event's external id. */
            customer_id: string | null;
            /** @description The event that it is of. */
            event_id: string;
            external_id: string | null;
            /** @description The event that counts it; null where a void found nothing left. */
            id: string | null;
            /** @description Where the customer stands, after something was done. */
            meters: components["schemas"]["CreditPosition"][];
            reason: string | null;
            /** @description Meters that counted the event and keep it. */
            refused: components["schemas"]["RefusedMeter"][];
            /** @description How much went back to which grants with terms: the rest does not lapse. Null where that is no longer known. */
            returned: components["schemas"]["Drawn"][] | null;
            units: components["schemas"]["RefundedUnits"][];
        };
        /** @description Of which event units are given back, and how many: all that is left, where it doesn't say. */
        RefundBody: {
            event_id?: string | null;
            /** @description An empty string counts as null. */
            external_id?: string | null;
            hold_id?: string | null;
            meter_id?: string | null;
            reason?: string | null;
            spend_external_id?: string | null;
            units?: DecimalInput | null;
        };
        /** @description What a meter had counted of an event, and what of it was given back, or taken back. */
        RefundedUnits: {
            /** @description What it counted: negative for credits. */
            event_units: DecimalText;
            meter_id: string;
            /** @description What this refund gave back. */
            refunded_units: DecimalText;
            /** @description All that was given back of it. */
            total_refunded_units: DecimalText;
            /** @description What credits this void took back. */
            voided_units: DecimalText;
        };
        RefusedMeter: {
            meter_id: string;
            reason: string;
        };
        /** @description The events that a token may send: of these names, or counted by these meters alone. */
        Restriction: {
            event_names: string[];
            meter_ids: string[];
        };
        /** @description The events that a token may send: of these names, or counted by these meters alone. */
        RestrictionBody: {
            event_names?: string[];
            meter_ids?: string[];
        };
        /** @description What of the rest goes on when credits expire. */
        Rollover: {
            /** @description Null: until they come next. */
            expires_in_seconds: number | null;
            max_units: DecimalText;
        };
        /** @description What of the rest goes on when the credits expire, and for how long. */
        RolloverBody: {
            expires_in_seconds?: number | null;
            /** @description A decimal, exact: at most 15 digits before the point, and rounded to 12 after it, halves to the even digit. */
            max_units: DecimalInput;
        };
        SpendBody: {
            customer_id?: string | null;
            external_customer_id?: string | null;
            /** @description An empty string counts as null. */
            external_id?: string | null;
            /**
             * @description A decimal, exact: at most 15 digits before the point, and rounded to 12 after it, halves to the even digit.
             * @default 0
             */
            limit?: DecimalInput;
            metadata?: components["schemas"]["EventMetadataBody"];
            meter_id?: string | null;
            name: string;
        };
        /** @description A spend that was admitted. */
        Spent: {
            /** @description How much was taken of which grants with terms; null where that is no longer known. */
            drawn: components["schemas"]["Drawn"][] | null;
            /** @description The event's id. */
            id: string;
            meters: components["schemas"]["CreditPosition"][];
        };
        /** @description Why a balance is what it is: what all pages come to, and the lines, or days, of this one. */
        Statement: {
            closing_balance: DecimalText;
            customer_id: string;
            days: components["schemas"]["StatementDay"][];
            /** Format: date-time */
            end: string;
            /** @description Granted: below 0. */
            grant_units: DecimalText;
            /** @description Expired: above 0. */
            lapse_units: DecimalText;
            lines: components["schemas"]["StatementLine"][];
            meter_id: string;
            /** @description What `after` the next page takes; null on the last. */
            next: string | null;
            opening_balance: DecimalText;
            /** @description Given back: below 0. */
            refund_units: DecimalText;
            /** Format: date-time */
            start: string;
            /** @description Used: above 0. */
            usage_units: DecimalText;
            /** @description Grants that were taken back: above 0. */
            void_units: DecimalText;
        };
        /** @description What made a line: the call, and the ids that its caller knows it by. */
        StatementCall: {
            /** @description Set for spends, captures, grants, refunds and voids; else null. */
            actor: components["schemas"]["Actor"] | null;
            /** @description What a refund, or a void, is of. */
            event_id: string | null;
            /** @description The caller's; for a capture that of its hold. */
            external_id: string | null;
            grant_id: string | null;
            hold_id: string | null;
            /** @description `ingest`, `queue`, `spend`, `capture`, `grant`, `refund`, `void`, or `boundary` where credits expired or came back. */
            kind: string;
            reason: string | null;
        };
        /** @description What changed a balance on a day of the time zone. */
        StatementDay: {
            closing_balance: DecimalText;
            date: string;
            /** @description Granted: below 0. */
            grant_units: DecimalText;
            /** @description Expired: above 0. */
            lapse_units: DecimalText;
            opening_balance: DecimalText;
            /** @description Given back: below 0. */
            refund_units: DecimalText;
            /** @description Used: above 0. */
            usage_units: DecimalText;
            /** @description Grants that were taken back: above 0. */
            void_units: DecimalText;
        };
        /** @description Something that changed a balance, and the balance after it. */
        StatementLine: {
            /** @description The balance after it. */
            balance: DecimalText;
            call: components["schemas"]["StatementCall"];
            event_id: string;
            external_id: string | null;
            /** @enum {string} */
            kind: "grant" | "usage" | "refund" | "lapse" | "void";
            name: string;
            /** @description What was noted with a grant. */
            note: string | null;
            /** Format: date-time */
            timestamp: string;
            /** @description What it adds to the balance. */
            units: DecimalText;
        };
        /** @description How many customers are over, have nothing left, and have something left. */
        StatusCounts: {
            empty: number;
            left: number;
            over: number;
        };
        /** @description Few credits: so many units left, or so many percent of what was granted. */
        Threshold: {
            available_credits: DecimalText | null;
            percent: DecimalText | null;
        };
        /** @description Few credits: so many units left, or so many percent of what was granted. */
        ThresholdBody: {
            available_credits?: (DecimalInput | string) | null;
            percent?: (DecimalInput | string) | null;
        };
        /** @description The thresholds of a balance: the customer's own, or the meter's. */
        Thresholds: {
            customer_id: string;
            meter_id: string;
            /** @description Whether they are the customer's own. */
            own: boolean;
            thresholds: components["schemas"]["ThresholdState"][];
        };
        /** @description A threshold of a balance, and whether it is reached. */
        ThresholdState: {
            /** @description The alert that tells of it. */
            alert_id: string | null;
            available_credits: DecimalText | null;
            /** @description How often it has been crossed. */
            ordinal: number;
            percent: DecimalText | null;
            /** @description Null where nobody has looked yet. */
            state: ("ok" | "reached") | null;
        };
        /** @description An access token as it is listed: everything but the token. */
        Token: {
            /** Format: date-time */
            created_at: string;
            expires_at: string | null;
            id: string;
            name: string;
            requests_per_second: number | null;
            restrict_to: components["schemas"]["Restriction"] | null;
            revoked_at: string | null;
            scopes: string[];
        };
        /** @description A token to be made. It can't do more than the one that makes it, nor for longer. */
        TokenBody: {
            expires_at?: string | null;
            /** @default  */
            name?: string;
            /** @description How many requests it may make; null: as many as there is room for. */
            requests_per_second?: number | null;
            restrict_to?: components["schemas"]["RestrictionBody"] | null;
            scopes: ("activity:read" | "customers:read" | "customers:write" | "events:read" | "events:write" | "meters:read" | "meters:write" | "customer_meters:read" | "customer_meters:write" | "customer_sessions:write" | "alerts:read" | "credits:read" | "credits:write" | "credits:grant" | "organizations:read" | "organizations:write" | "tokens:read" | "tokens:write" | "webhooks:read" | "webhooks:write")[];
        };
        /** @description A page of a list. */
        TokenPage: {
            items: components["schemas"]["Token"][];
            pagination: components["schemas"]["Pagination"];
        };
        /** @description The token's scopes do not allow this. */
        TooLittleScope: {
            /** @constant */
            error: "insufficient_scope";
            error_description: string;
        };
        /** @description The request has no token, or a token that is wrong, expired or revoked. */
        Unauthorized: {
            detail?: string;
            /**
             * @description `Unauthorized`: no token was sent; `invalid_token`: it is not valid.
             * @enum {string}
             */
            error: "Unauthorized" | "invalid_token";
            error_description?: string;
        };
        /** @description Whether what was used of the credits is taken back too, as after a charge-back; and why. */
        VoidBody: {
            /** @default false */
            allow_debt?: boolean;
            reason?: string | null;
        };
        /** @description An event that was taken back: as a refund, or as a grant with terms. */
        Voided: {
            event_id: string;
            grant: components["schemas"]["Grant"] | null;
            refund: components["schemas"]["Refund"] | null;
        };
        /** @description One attempt to send a webhook to an endpoint. */
        WebhookDelivery: {
            /** Format: date-time */
            created_at: string;
            endpoint_id: string;
            /** @description Null where there was no answer. */
            http_code: number | null;
            id: string;
            modified_at: string | null;
            /** @description The first 2 KB of the answer, or why there was none. */
            response: string | null;
            succeeded: boolean;
            webhook_event: components["schemas"]["WebhookEvent"];
        };
        /** @description A page of a list. */
        WebhookDeliveryPage: {
            items: components["schemas"]["WebhookDelivery"][];
            pagination: components["schemas"]["Pagination"];
        };
        /** @description Where webhooks go. */
        WebhookEndpoint: {
            api_version: string;
            /** Format: date-time */
            created_at: string;
            disabled_at: string | null;
            /** @description It failed for three days, or it answered 410. */
            disabled_reason: ("failing" | "gone") | null;
            enabled: boolean;
            /** @description The types that it gets. */
            events: string[];
            /** @constant */
            format: "raw";
            id: string;
            modified_at: string | null;
            name: string | null;
            organization_id: string;
            /** @description Signs the webhooks: all of it is the key. */
            secret: string;
            url: string;
            /** @description False: the key is the secret's text, and not what it encodes. */
            uses_standard_webhook_signature: boolean;
        };
        /** @description A page of a list. */
        WebhookEndpointPage: {
            items: components["schemas"]["WebhookEndpoint"][];
            pagination: components["schemas"]["Pagination"];
        };
        /** @description What was sent. */
        WebhookEvent: {
            api_version: string;
            /** Format: date-time */
            created_at: string;
            /** @description The `webhook-id`, however often it is sent. */
            id: string;
            /** @description True once it can't be sent again. */
            is_archived: boolean;
            last_http_code: number | null;
            modified_at: string | null;
            payload: string | null;
            skipped: boolean;
            succeeded: boolean | null;
            type: string;
        };
    };
    responses: {
        /** @description The gateway can't pass the request on. */
        400: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["GatewayMessage"];
            };
        };
        /** @description There is no token, or it is wrong, expired or revoked. */
        401: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Unauthorized"];
            };
        };
        /** @description There are too few credits left; nothing was stored. */
        402: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["InsufficientCredits"];
            };
        };
        /** @description The token's scopes do not allow this. */
        403: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["TooLittleScope"];
            };
        };
        /** @description There is no such thing in this organization. */
        404: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["NotFound"];
            };
        };
        /** @description It was done before, and otherwise; nothing was stored. */
        409: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failed"];
            };
        };
        /** @description The request or its answer is larger than it may be; take smaller parts. */
        413: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failed"];
            };
        };
        /** @description The body is encoded otherwise than by gzip. */
        415: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failed"];
            };
        };
        /** @description The request breaks rules; nothing of it was stored. */
        422: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Invalid"];
            };
        };
        /** @description Too much is open, or asked for, at once; try again. */
        429: {
            headers: {
                /** @description Seconds to wait. */
                "Retry-After": string;
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failed"];
            };
        };
        /** @description The ledger cannot be sure now; the same request may be sent again. */
        503: {
            headers: {
                /** @description Seconds to wait. */
                "Retry-After": string;
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failed"];
            };
        };
    };
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    health: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The document. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            503: components["responses"]["503"];
        };
    };
    openapi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The document. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
        };
    };
    list_activity: {
        parameters: {
            query?: {
                /** @description Only these actions. */
                action?: ("token.created" | "token.revoked" | "meter.created" | "meter.changed" | "meter.archived" | "meter.brought_back" | "customer.created" | "customer.changed" | "customer.deleted" | "organization.changed" | "grant.created" | "grant.voided" | "event.refunded" | "event.voided" | "thresholds.changed" | "webhook_endpoint.created" | "webhook_endpoint.changed" | "webhook_endpoint.secret_reset" | "webhook_endpoint.deleted" | "dead_letters.redriven" | "dead_letter.discarded")[];
                /** @description Only what was done before. */
                end_timestamp?: string;
                /** @description How many on a page: 10 by default; more than 100 are 100. */
                limit?: number;
                /** @description Which page, from 1. */
                page?: number;
                /** @description Only what was done from then on. */
                start_timestamp?: string;
                /** @description Only what was done to these things. */
                subject_id?: string[];
                /** @description Only what was done with these tokens. */
                token_id?: string[];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ActivityPage"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            413: components["responses"]["413"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    export_activity: {
        parameters: {
            query?: {
                /** @description Only these actions. */
                action?: ("token.created" | "token.revoked" | "meter.created" | "meter.changed" | "meter.archived" | "meter.brought_back" | "customer.created" | "customer.changed" | "customer.deleted" | "organization.changed" | "grant.created" | "grant.voided" | "event.refunded" | "event.voided" | "thresholds.changed" | "webhook_endpoint.created" | "webhook_endpoint.changed" | "webhook_endpoint.secret_reset" | "webhook_endpoint.deleted" | "dead_letters.redriven" | "dead_letter.discarded")[];
                /** @description Only what was done before. */
                end_timestamp?: string;
                /** @description Only what was done from then on. */
                start_timestamp?: string;
                /** @description Only what was done to these things. */
                subject_id?: string[];
                /** @description Only what was done with these tokens. */
                token_id?: string[];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The activities, the newest first. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/csv": string;
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            413: components["responses"]["413"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    list_alerts: {
        parameters: {
            query?: {
                /** @description Only this customer's. */
                customer_id?: string[];
                /** @description Only the customer's with this external id. */
                external_customer_id?: string[];
                /** @description How many on a page: 10 by default; more than 100 are 100. */
                limit?: number;
                /** @description Only of this meter. */
                meter_id?: string[];
                /** @description Which page, from 1. */
                page?: number;
                /** @description Only alerts that are reached, recovered, closed. */
                state?: string[];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AlertPage"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            413: components["responses"]["413"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    list_grants: {
        parameters: {
            query?: {
                /** @description The customer, or */
                customer_id?: string;
                /** @description its external id. */
                external_customer_id?: string;
                /** @description How many on a page: 10 by default; more than 100 are 100. */
                limit?: number;
                /** @description Only grants of this meter. */
                meter_id?: string[];
                /** @description Which page, from 1. */
                page?: number;
                /** @description Only grants that are active, used_up, expired, voided. */
                status?: string[];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GrantPage"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            413: components["responses"]["413"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    grant: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["GrantBody"];
            };
        };
        responses: {
            /**
             * @description Credits that were given, and what has become of them.
             *
             *     Without terms they are there for good, as a negative event, and what became of them is null.
             */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Grant"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            409: components["responses"]["409"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    get_grant: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /**
             * @description Credits that were given, and what has become of them.
             *
             *     Without terms they are there for good, as a negative event, and what became of them is null.
             */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Grant"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    void_grant: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["VoidBody"];
            };
        };
        responses: {
            /**
             * @description Credits that were given, and what has become of them.
             *
             *     Without terms they are there for good, as a negative event, and what became of them is null.
             */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Grant"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            409: components["responses"]["409"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    list_holds: {
        parameters: {
            query?: {
                /** @description The customer, or */
                customer_id?: string;
                /** @description its external id. */
                external_customer_id?: string;
                /** @description How many on a page: 10 by default; more than 100 are 100. */
                limit?: number;
                /** @description Only holds of this meter's units. */
                meter_id?: string[];
                /** @description Which page, from 1. */
                page?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HoldPage"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            413: components["responses"]["413"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    place_hold: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["HoldBody"];
            };
        };
        responses: {
            /** @description Units that are reserved until they are captured or released, or the hold expires. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Hold"];
                };
            };
            401: components["responses"]["401"];
            402: components["responses"]["402"];
            403: components["responses"]["403"];
            409: components["responses"]["409"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    get_hold: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Units that are reserved until they are captured or released, or the hold expires. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Hold"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    capture_hold: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["CaptureBody"];
            };
        };
        responses: {
            /** @description Units that are reserved until they are captured or released, or the hold expires. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Hold"];
                };
            };
            401: components["responses"]["401"];
            402: components["responses"]["402"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            409: components["responses"]["409"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    extend_hold: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ExtendBody"];
            };
        };
        responses: {
            /** @description Units that are reserved until they are captured or released, or the hold expires. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Hold"];
                };
            };
            401: components["responses"]["401"];
            402: components["responses"]["402"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            409: components["responses"]["409"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    release_hold: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Units that are reserved until they are captured or released, or the hold expires. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Hold"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            409: components["responses"]["409"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    refund: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RefundBody"];
            };
        };
        responses: {
            /** @description What was given back of an event. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Refund"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            409: components["responses"]["409"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    spend: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SpendBody"];
            };
        };
        responses: {
            /** @description A spend that was admitted. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Spent"];
                };
            };
            401: components["responses"]["401"];
            402: components["responses"]["402"];
            403: components["responses"]["403"];
            409: components["responses"]["409"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    list_customer_meters: {
        parameters: {
            query?: {
                /** @description Only this customer's. */
                customer_id?: string[];
                /** @description Only the customer's with this external id. */
                external_customer_id?: string[];
                /** @description Only of the meter with this external id. */
                external_meter_id?: string[];
                /** @description How many on a page: 10 by default; more than 100 are 100. */
                limit?: number;
                /** @description Whether to list the open grants with terms, too. */
                lots?: boolean;
                /** @description Only of this meter. */
                meter_id?: string[];
                /** @description Which page, from 1. */
                page?: number;
                /** @description The order, the first criterion counting most; by default `-modified_at`. A minus puts the greatest first. */
                sorting?: ("created_at" | "-created_at" | "modified_at" | "-modified_at" | "customer_id" | "-customer_id" | "customer_name" | "-customer_name" | "meter_id" | "-meter_id" | "meter_name" | "-meter_name" | "balance" | "-balance" | "consumed_units" | "-consumed_units" | "credited_units" | "-credited_units")[];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CustomerMeterPage"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            413: components["responses"]["413"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    get_customer_meter: {
        parameters: {
            query?: {
                /** @description Whether to list the open grants with terms, too. */
                lots?: boolean;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A customer's balance, with the customer and the meter. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CustomerMeter"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    get_statement: {
        parameters: {
            query?: {
                /** @description Go on where a page ended: its `next`. */
                after?: string;
                /** @description A line for each event, or for each day on which something happened. */
                by?: "event" | "day";
                /** @description Where it ends; now, where it is not given. */
                end?: string;
                /** @description CSV has a head on the first page only. */
                format?: "json" | "csv";
                /** @description How many lines at most: 100 by default; more than 1,000 are 1,000. */
                limit?: number;
                /** @description Where it begins; 30 days ago, where it is not given. */
                start?: string;
                /** @description Whose days they are: a name of the IANA's, as in `Europe/Berlin`. */
                timezone?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Why a balance is what it is: what all pages come to, and the lines, or days, of this one. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Statement"];
                    "text/csv": string;
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    get_thresholds: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The thresholds of a balance: the customer's own, or the meter's. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Thresholds"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    set_thresholds: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["OwnThresholdsBody"];
            };
        };
        responses: {
            /** @description The thresholds of a balance: the customer's own, or the meter's. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Thresholds"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    create_customer_meter_credit: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreditBody"];
            };
        };
        responses: {
            /** @description An event. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Event"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            409: components["responses"]["409"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    reverse_customer_meter_credit: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description An event. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Event"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            409: components["responses"]["409"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    portal_list_benefit_grants: {
        parameters: {
            query?: {
                /** @description How many on a page: 10 by default; more than 100 are 100. */
                limit?: number;
                /** @description Which page, from 1. */
                page?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NothingPage"];
                };
            };
            401: components["responses"]["401"];
            413: components["responses"]["413"];
            422: components["responses"]["422"];
            503: components["responses"]["503"];
        };
    };
    portal_get_session: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The session of the request. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PortalSession"];
                };
            };
            401: components["responses"]["401"];
            503: components["responses"]["503"];
        };
    };
    portal_get_user: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The session's customer, in the shape of Polar's users. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PortalUser"];
                };
            };
            401: components["responses"]["401"];
            503: components["responses"]["503"];
        };
    };
    portal_get_customer: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A customer as they see themselves. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PortalCustomer"];
                };
            };
            401: components["responses"]["401"];
            503: components["responses"]["503"];
        };
    };
    portal_list_events: {
        parameters: {
            query?: {
                /** @description Only what happened before. */
                end_timestamp?: string;
                /** @description How many on a page: 10 by default; more than 100 are 100. */
                limit?: number;
                /** @description Only what has this metadata: `metadata[key]=value`. A key that is repeated takes any of its values. */
                metadata?: {
                    [key: string]: string;
                };
                /** @description Only events that pass the filter of this meter of the customer's. */
                meter_id?: string;
                /** @description Only events of this name. */
                name?: string[];
                /** @description Which page, from 1. */
                page?: number;
                /** @description The order, the first criterion counting most; by default `-timestamp`. A minus puts the greatest first. */
                sorting?: ("timestamp" | "-timestamp")[];
                /** @description Only what happened then or later. */
                start_timestamp?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PortalEventPage"];
                };
            };
            401: components["responses"]["401"];
            404: components["responses"]["404"];
            413: components["responses"]["413"];
            422: components["responses"]["422"];
            503: components["responses"]["503"];
        };
    };
    portal_list_grants: {
        parameters: {
            query?: {
                /** @description How many on a page: 10 by default; more than 100 are 100. */
                limit?: number;
                /** @description Only of this meter. */
                meter_id?: string[];
                /** @description Which page, from 1. */
                page?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GrantPage"];
                };
            };
            401: components["responses"]["401"];
            413: components["responses"]["413"];
            422: components["responses"]["422"];
            503: components["responses"]["503"];
        };
    };
    portal_list_meters: {
        parameters: {
            query?: {
                /** @description How many on a page: 10 by default; more than 100 are 100. */
                limit?: number;
                /** @description Whether to list the open grants with terms, too. */
                lots?: boolean;
                /** @description Only of this meter. */
                meter_id?: string[];
                /** @description Which page, from 1. */
                page?: number;
                /** @description Only of meters with this text in their name, in any case. */
                query?: string;
                /** @description The order, the first criterion counting most; by default `meter_name`. A minus puts the greatest first. */
                sorting?: ("meter_name" | "-meter_name" | "meter_id" | "-meter_id" | "created_at" | "-created_at" | "modified_at" | "-modified_at" | "balance" | "-balance" | "consumed_units" | "-consumed_units" | "credited_units" | "-credited_units")[];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PortalMeterPage"];
                };
            };
            401: components["responses"]["401"];
            413: components["responses"]["413"];
            422: components["responses"]["422"];
            503: components["responses"]["503"];
        };
    };
    portal_get_meter: {
        parameters: {
            query?: {
                /** @description Whether to list the open grants with terms, too. */
                lots?: boolean;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What a meter makes of the customer's events. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PortalMeter"];
                };
            };
            401: components["responses"]["401"];
            404: components["responses"]["404"];
            422: components["responses"]["422"];
            503: components["responses"]["503"];
        };
    };
    portal_get_quantities: {
        parameters: {
            query: {
                /** @description Where the last interval ends. */
                end_timestamp: string;
                /** @description Quantities by the values of this property too: one of the meter's own. */
                group_by?: string;
                /** @description How long an interval is. */
                interval: "hour" | "day" | "week" | "month" | "year";
                /** @description How many values, the greatest first; all others are one. At most 100. */
                limit?: number;
                /** @description Where the first interval begins. */
                start_timestamp: string;
                /** @description Whose days they are: a name of the IANA's, as in `Europe/Berlin`. */
                timezone?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A meter's quantities, and with `group_by` those of a property's greatest values. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Quantities"];
                };
            };
            401: components["responses"]["401"];
            404: components["responses"]["404"];
            422: components["responses"]["422"];
            503: components["responses"]["503"];
        };
    };
    portal_get_statement: {
        parameters: {
            query?: {
                /** @description Go on where a page ended: its `next`. */
                after?: string;
                /** @description A line for each event, or for each day on which something happened. */
                by?: "event" | "day";
                /** @description Where it ends; now, where it is not given. */
                end?: string;
                /** @description CSV has a head on the first page only. */
                format?: "json" | "csv";
                /** @description How many lines at most: 100 by default; more than 1,000 are 1,000. */
                limit?: number;
                /** @description Where it begins; 30 days ago, where it is not given. */
                start?: string;
                /** @description Whose days they are: a name of the IANA's, as in `Europe/Berlin`. */
                timezone?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Why a balance is what it is: what all pages come to, and the lines, or days, of this one. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Statement"];
                    "text/csv": string;
                };
            };
            401: components["responses"]["401"];
            404: components["responses"]["404"];
            422: components["responses"]["422"];
            503: components["responses"]["503"];
        };
    };
    portal_list_orders: {
        parameters: {
            query?: {
                /** @description How many on a page: 10 by default; more than 100 are 100. */
                limit?: number;
                /** @description Which page, from 1. */
                page?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NothingPage"];
                };
            };
            401: components["responses"]["401"];
            413: components["responses"]["413"];
            422: components["responses"]["422"];
            503: components["responses"]["503"];
        };
    };
    portal_list_subscriptions: {
        parameters: {
            query?: {
                /** @description How many on a page: 10 by default; more than 100 are 100. */
                limit?: number;
                /** @description Which page, from 1. */
                page?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NothingPage"];
                };
            };
            401: components["responses"]["401"];
            413: components["responses"]["413"];
            422: components["responses"]["422"];
            503: components["responses"]["503"];
        };
    };
    create_customer_session: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CustomerSessionBody"];
            };
        };
        responses: {
            /** @description A session of a customer: the only time that its token is shown. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CustomerSession"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    list_customers: {
        parameters: {
            query?: {
                /** @description Only the customer with this address, in any case. */
                email?: string;
                /** @description How many on a page: 10 by default; more than 100 are 100. */
                limit?: number;
                /** @description Only what has this metadata: `metadata[key]=value`. A key that is repeated takes any of its values. */
                metadata?: {
                    [key: string]: string;
                };
                /** @description Which page, from 1. */
                page?: number;
                /** @description Only who has this text in address, name or external id, in any case. */
                query?: string;
                /** @description The order, the first criterion counting most; by default `-created_at`. A minus puts the greatest first. */
                sorting?: ("created_at" | "-created_at" | "email" | "-email" | "name" | "-name")[];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CustomerPage"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            413: components["responses"]["413"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    create_customer: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CustomerBody"];
            };
        };
        responses: {
            /** @description A customer. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Customer"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    get_customer: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A customer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Customer"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    delete_customer: {
        parameters: {
            query?: {
                /** @description Replace the address and the name by hashes, for good. */
                anonymize?: boolean;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done; there is no body. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    update_customer: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CustomerUpdateBody"];
            };
        };
        responses: {
            /** @description A customer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Customer"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    get_customer_state: {
        parameters: {
            query?: {
                /** @description Whether to list the open grants with terms, too. */
                lots?: boolean;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A customer with all its balances. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CustomerState"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    export_customers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All customers, the oldest first. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/csv": string;
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            413: components["responses"]["413"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    get_customer_by_external_id: {
        parameters: {
            query: {
                /** @description The customer's external id, as it is. */
                external_id: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A customer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Customer"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    put_customer_by_external_id: {
        parameters: {
            query: {
                /** @description The customer's external id, as it is. */
                external_id: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CustomerPutBody"];
            };
        };
        responses: {
            /** @description A customer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Customer"];
                };
            };
            /** @description A customer. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Customer"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    delete_customer_by_external_id: {
        parameters: {
            query: {
                /** @description Replace the address and the name by hashes, for good. */
                anonymize?: boolean;
                /** @description The customer's external id, as it is. */
                external_id: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done; there is no body. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    update_customer_by_external_id: {
        parameters: {
            query: {
                /** @description The customer's external id, as it is. */
                external_id: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CustomerUpdateBody"];
            };
        };
        responses: {
            /** @description A customer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Customer"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    get_customer_external: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                external_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A customer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Customer"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    put_customer_external: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                external_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CustomerPutBody"];
            };
        };
        responses: {
            /** @description A customer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Customer"];
                };
            };
            /** @description A customer. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Customer"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    delete_customer_external: {
        parameters: {
            query?: {
                /** @description Replace the address and the name by hashes, for good. */
                anonymize?: boolean;
            };
            header?: never;
            path: {
                external_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done; there is no body. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    update_customer_external: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                external_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CustomerUpdateBody"];
            };
        };
        responses: {
            /** @description A customer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Customer"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    get_customer_state_external: {
        parameters: {
            query?: {
                /** @description Whether to list the open grants with terms, too. */
                lots?: boolean;
            };
            header?: never;
            path: {
                external_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A customer with all its balances. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CustomerState"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    get_customer_state_by_external_id: {
        parameters: {
            query: {
                /** @description The customer's external id, as it is. */
                external_id: string;
                /** @description Whether to list the open grants with terms, too. */
                lots?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A customer with all its balances. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CustomerState"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    list_dead_letters: {
        parameters: {
            query?: {
                /** @description How many on a page: 10 by default; more than 100 are 100. */
                limit?: number;
                /** @description Which page, from 1. */
                page?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of dead letters; not `complete` where there were more than could be looked at. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeadLetters"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            413: components["responses"]["413"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    discard_dead_letter: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done; there is no body. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    redrive_dead_letters: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RedriveBody"];
            };
        };
        responses: {
            /** @description How many dead letters were sent anew, and which were left. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Redriven"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            409: components["responses"]["409"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    list_event_types: {
        parameters: {
            query?: {
                /** @description Only this customer's. */
                customer_id?: string[];
                /** @description Only the customer's with this external id. */
                external_customer_id?: string[];
                /** @description How many on a page: 10 by default; more than 100 are 100. */
                limit?: number;
                /** @description Which page, from 1. */
                page?: number;
                /** @description Only names with this text in them, in any case. */
                query?: string;
                /** @description The order, the first criterion counting most; by default `-last_seen`. A minus puts the greatest first. */
                sorting?: ("name" | "-name" | "label" | "-label" | "occurrences" | "-occurrences" | "first_seen" | "-first_seen" | "last_seen" | "-last_seen")[];
                /** @description Only events of this source. */
                source?: string[];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventTypePage"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            413: components["responses"]["413"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    list_events: {
        parameters: {
            query?: {
                /** @description Only this customer's. */
                customer_id?: string[];
                /** @description Only what happened before. */
                end_timestamp?: string;
                /** @description Only the customer's with this external id. */
                external_customer_id?: string[];
                /** @description How many on a page: 10 by default; more than 100 are 100. */
                limit?: number;
                /** @description Only what has this metadata: `metadata[key]=value`. A key that is repeated takes any of its values. */
                metadata?: {
                    [key: string]: string;
                };
                /** @description Only events that pass this meter's filter. */
                meter_id?: string;
                /** @description Only events of this name. */
                name?: string[];
                /** @description Which page, from 1. */
                page?: number;
                /** @description Only parts of this event, as they name it. */
                parent_id?: string[];
                /** @description Only events with this text in their name or an external id, in any case. */
                query?: string;
                /** @description The order, the first criterion counting most; by default `-timestamp`. A minus puts the greatest first. */
                sorting?: ("timestamp" | "-timestamp")[];
                /** @description Only events of this source. */
                source?: string[];
                /** @description Only what happened then or later. */
                start_timestamp?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of events; not `complete` where counting was given up: there are more than that. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventPage"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            413: components["responses"]["413"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    get_event: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description An event. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Event"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    void_event: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["VoidBody"];
            };
        };
        responses: {
            /** @description An event that was taken back: as a refund, or as a grant with terms. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Voided"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            409: components["responses"]["409"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    export_events: {
        parameters: {
            query?: {
                /** @description Go on behind the event with this id. */
                after?: string;
                /** @description Only this customer's. */
                customer_id?: string[];
                /** @description Only what happened before. */
                end_timestamp?: string;
                /** @description Only the customer's with this external id. */
                external_customer_id?: string[];
                /** @description JSON Lines, each line an event as the API shows it; or CSV, which has a head in the first part only. */
                format?: "jsonl" | "csv";
                /** @description How many events at most; more than 10,000 are 10,000. */
                limit?: number;
                /** @description Only what has this metadata: `metadata[key]=value`. A key that is repeated takes any of its values. */
                metadata?: {
                    [key: string]: string;
                };
                /** @description Only events that pass this meter's filter. */
                meter_id?: string;
                /** @description Only events of this name. */
                name?: string[];
                /** @description Only parts of this event, as they name it. */
                parent_id?: string[];
                /** @description Only events with this text in their name or an external id, in any case. */
                query?: string;
                /** @description Only events of this source. */
                source?: string[];
                /** @description Only what happened then or later. */
                start_timestamp?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A part of the events. */
            200: {
                headers: {
                    /** @description The next part, `rel="next"`; absent from the last one. */
                    Link?: string;
                    /** @description How many events this part has. */
                    "X-Event-Count": string;
                    /** @description What `after` has to be for the next part; absent from the last one. */
                    "X-Next-After"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/x-ndjson": string;
                    "text/csv": string;
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    ingest_events: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the whole request safe to send again: a repeat changes nothing and answers as the first did. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["IngestBody"];
            };
        };
        responses: {
            /** @description What became of the events. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Ingested"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            409: components["responses"]["409"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    list_event_names: {
        parameters: {
            query?: {
                /** @description Only this customer's. */
                customer_id?: string[];
                /** @description Only the customer's with this external id. */
                external_customer_id?: string[];
                /** @description How many on a page: 10 by default; more than 100 are 100. */
                limit?: number;
                /** @description Which page, from 1. */
                page?: number;
                /** @description Only names with this text in them, in any case. */
                query?: string;
                /** @description The order, the first criterion counting most; by default `-last_seen`. A minus puts the greatest first. */
                sorting?: ("name" | "-name" | "label" | "-label" | "occurrences" | "-occurrences" | "first_seen" | "-first_seen" | "last_seen" | "-last_seen")[];
                /** @description Only events of this source. */
                source?: string[];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventNamePage"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            413: components["responses"]["413"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    queue_events: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the whole request safe to send again: a repeat changes nothing and answers as the first did. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["IngestBody"];
            };
        };
        responses: {
            /** @description Done; there is no body. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The gateway can't pass the request on. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GatewayMessage"];
                };
            };
            /** @description There is no token, or it is wrong, expired or revoked. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GatewayMessage"];
                };
            };
            /** @description The token's scopes do not allow this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GatewayMessage"];
                };
            };
        };
    };
    list_meters: {
        parameters: {
            query?: {
                /** @description Only the meter with this external id. */
                external_id?: string[];
                /** @description List the archived ones, which else are left out. */
                is_archived?: boolean;
                /** @description How many on a page: 10 by default; more than 100 are 100. */
                limit?: number;
                /** @description Only what has this metadata: `metadata[key]=value`. A key that is repeated takes any of its values. */
                metadata?: {
                    [key: string]: string;
                };
                /** @description Which page, from 1. */
                page?: number;
                /** @description Only meters with this text in their name, in any case. */
                query?: string;
                /** @description The order, the first criterion counting most; by default `name`. A minus puts the greatest first. */
                sorting?: ("created_at" | "-created_at" | "name" | "-name")[];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MeterWithBackfillPage"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            413: components["responses"]["413"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    create_meter: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the whole request safe to send again: a repeat changes nothing and answers as the first did. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MeterBody"];
            };
        };
        responses: {
            /** @description A meter, and how far it has counted the past. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MeterWithBackfill"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            409: components["responses"]["409"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    get_meter: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A meter, and how far it has counted the past. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MeterWithBackfill"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    update_meter: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MeterUpdateBody"];
            };
        };
        responses: {
            /** @description A meter, and how far it has counted the past. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MeterWithBackfill"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    get_meter_credits: {
        parameters: {
            query: {
                /** @description In the last day, or its end. */
                end_timestamp: string;
                /** @description In the first day. */
                start_timestamp: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description An organization's credits on a meter, by day. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MeterCredits"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    list_meter_customers: {
        parameters: {
            query?: {
                /** @description The `next` of the part before. */
                after?: string;
                /** @description Only those who have no more left than this. */
                left_at_most?: DecimalText;
                /** @description How many on a page: 10 by default; more than 100 are 100. */
                limit?: number;
                /** @description By what is left: the least first, or with a minus the most. */
                sorting?: "left" | "-left";
                /** @description Only those who have used more than they had, have nothing left, or have some. */
                status?: "over" | "empty" | "left";
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A part of a meter's customers, in the order of what they have left. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MeterCustomers"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    get_meter_quantities: {
        parameters: {
            query: {
                /** @description Only this customer's. */
                customer_id?: string[];
                /** @description Where the last interval ends. */
                end_timestamp: string;
                /** @description Only the customer's with this external id. */
                external_customer_id?: string[];
                /** @description Quantities by the values of this property too: one of the meter's own. */
                group_by?: string;
                /** @description How long an interval is. */
                interval: "hour" | "day" | "week" | "month" | "year";
                /** @description How many values, the greatest first; all others are one. At most 100. */
                limit?: number;
                /** @description Only what has this metadata: `metadata[key]=value`. A key that is repeated takes any of its values. */
                metadata?: {
                    [key: string]: string;
                };
                /** @description Where the first interval begins. */
                start_timestamp: string;
                /** @description Whose days they are: a name of the IANA's, as in `Europe/Berlin`. */
                timezone?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A meter's quantities, and with `group_by` those of a property's greatest values. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Quantities"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    get_meter_external: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                external_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A meter, and how far it has counted the past. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MeterWithBackfill"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    preview_meter: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PreviewBody"];
            };
        };
        responses: {
            /** @description What a meter would make of the latest events. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Preview"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    get_current_organization: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The token's organization, and what it has chosen. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Organization"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    update_current_organization: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["OrganizationUpdateBody"];
            };
        };
        responses: {
            /** @description The token's organization, and what it has chosen. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Organization"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    get_overview: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How much there is of what; null of what the token may not read. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overview"];
                };
            };
            401: components["responses"]["401"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    list_tokens: {
        parameters: {
            query?: {
                /** @description List the revoked ones, which else are left out. */
                is_revoked?: boolean;
                /** @description How many on a page: 10 by default; more than 100 are 100. */
                limit?: number;
                /** @description Which page, from 1. */
                page?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TokenPage"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            413: components["responses"]["413"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    create_token: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TokenBody"];
            };
        };
        responses: {
            /** @description A new access token. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewToken"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    revoke_token: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done; there is no body. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    get_current_token: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What the token of the request allows. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Access"];
                };
            };
            401: components["responses"]["401"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    list_webhook_deliveries: {
        parameters: {
            query?: {
                /** @description Only attempts before. */
                end_timestamp?: string;
                /** @description Only to this endpoint. */
                endpoint_id?: string[];
                /** @description Only of customer.created, customer.updated, customer.deleted, customer.state_changed, credits.low, credits.depleted, credits.recovered, credits.granted, credits.expired, hold.expired, audit.difference, dead_letter.created. */
                event_type?: string[];
                /** @description Only answers of this class: 2xx, 3xx, 4xx or 5xx. */
                http_code_class?: string;
                /** @description How many on a page: 10 by default; more than 100 are 100. */
                limit?: number;
                /** @description Which page, from 1. */
                page?: number;
                /** @description Only webhooks with this text in their id or body, in any case. */
                query?: string;
                /** @description Only attempts from then on. */
                start_timestamp?: string;
                /** @description Only those that succeeded, or that did not. */
                succeeded?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookDeliveryPage"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            413: components["responses"]["413"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    list_webhook_endpoints: {
        parameters: {
            query?: {
                /** @description How many on a page: 10 by default; more than 100 are 100. */
                limit?: number;
                /** @description Which page, from 1. */
                page?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of a list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookEndpointPage"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            413: components["responses"]["413"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    create_webhook_endpoint: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["EndpointBody"];
            };
        };
        responses: {
            /** @description Where webhooks go. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookEndpoint"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    get_webhook_endpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Where webhooks go. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookEndpoint"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    delete_webhook_endpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done; there is no body. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    update_webhook_endpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["EndpointUpdateBody"];
            };
        };
        responses: {
            /** @description Where webhooks go. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookEndpoint"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    reset_webhook_endpoint_secret: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Where webhooks go. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookEndpoint"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
    redeliver_webhook_event: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The document. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Redelivered"];
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            409: components["responses"]["409"];
            429: components["responses"]["429"];
            503: components["responses"]["503"];
        };
    };
}

/** The fields of answers that are decimals. */
export const DECIMALS: ReadonlySet<string> = /* @__PURE__ */ new Set([
  "available_credits",
  "balance",
  "closing_balance",
  "consumed_units",
  "event_units",
  "expired_units",
  "grant_units",
  "granted_units",
  "held_units",
  "lapse_units",
  "limit",
  "max_units",
  "opening_balance",
  "outstanding_units",
  "overage_units",
  "percent",
  "quantity",
  "refund_units",
  "refunded_units",
  "remaining_units",
  "repaid_units",
  "required",
  "rolled_over_units",
  "threshold_units",
  "total",
  "total_refunded_units",
  "units",
  "usage_units",
  "used_units",
  "value",
  "void_units",
  "voided_units",
]);

/** The routes that take an `Idempotency-Key`. */
export const KEYED: ReadonlySet<string> = /* @__PURE__ */ new Set([
  "POST /v1/events/ingest",
  "POST /v1/events/queue",
  "POST /v1/meters/",
]);
