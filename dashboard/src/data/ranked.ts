// A meter's customers by what they have left, a part at a time.
import type { Api } from "./client";
import { reading } from "./query";
import type { RatedBalance } from "./shapes";

export interface Chosen {
  status?: string;
  left_at_most?: string;
  sorting?: string;
}

const PART = 100;
const MOST_PARTS = 100;

/** All parts of the list, as far as a file takes them. */
export async function everyPart(
  api: Api,
  meterId: string,
  chosen: Chosen,
): Promise<{ items: RatedBalance[]; cut: boolean }> {
  const items: RatedBalance[] = [];
  let after: string | undefined;
  for (let part = 0; part < MOST_PARTS; part++) {
    const query = { ...chosen, limit: PART, after };
    const asked = reading(api, "/v1/meters/{id}/customers", { path: { id: meterId }, query });
    const found = await asked.queryFn({ signal: new AbortController().signal });
    items.push(...found.items);
    if (found.next === null) return { items, cut: false };
    after = found.next;
  }
  return { items, cut: true };
}
