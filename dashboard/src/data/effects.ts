// What an event did to its customer's balances, as their statements say.
import { useQuery } from "./query";
import { useSession } from "./session";
import type { Event, List, Meter, State, Statement, StatementLine } from "./shapes";

export interface Effect {
  meter: Meter;
  line: StatementLine;
}

const MOST_METERS = 10;
const MILLISECOND = 1;

/** The lines of an event, one for each meter that counts it; none of who is no customer yet. */
export function useEffects(event: Event) {
  const { api, allows } = useSession();
  const customerId = event.customer?.deleted_at ? null : event.customer_id;
  return useQuery<Effect[]>(
    {
      queryKey: ["effects", event.id],
      queryFn: async ({ signal }) => {
        const [state, meters] = await Promise.all([
          api.get<State>(`v1/customers/${customerId}/state`, {}, signal),
          api.get<List<Meter>>("v1/meters/", { limit: 100 }, signal),
        ]);
        const end = new Date(Date.parse(event.timestamp) + MILLISECOND).toISOString();
        const counting = meters.items.filter(
          ({ id, aggregation }) =>
            ["sum", "count"].includes(aggregation.func) &&
            state.active_meters.some((one) => one.meter_id === id),
        );
        const found = await Promise.all(
          counting.slice(0, MOST_METERS).map(async (meter) => {
            const terms = { start: event.timestamp, end, limit: 1000 };
            const path = `v1/customer-meters/${customerId}.${meter.id}/statement`;
            const { lines } = await api.get<Statement>(path, terms, signal);
            return lines.filter((line) => line.event_id === event.id).map((line) => ({ meter, line }));
          }),
        );
        return found.flat();
      },
    },
    {
      skip:
        !customerId || !allows("customers:read") || !allows("meters:read") || !allows("customer_meters:read"),
    },
  );
}
