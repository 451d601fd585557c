// Search from anywhere: customers, meters and events by whatever somebody knows of them.
import type { JSX, TargetedKeyboardEvent } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type Api, Refused } from "../data/client";
import { useQuery, useSettled } from "../data/query";
import { useSession } from "../data/session";
import type { Event, EventName, List, Meter, Scope } from "../data/shapes";
import { go, href } from "../router";
import { titleOf } from "../text/meters";
import { counted, t } from "../text/words";
import { customersLike } from "./customer_field";
import { Dialog } from "./dialog";
import { Icon, type IconName } from "./icons";
import "./search.css";

const TYPING_MILLISECONDS = 150;
const MOST = 5;

interface Found {
  icon: IconName;
  name: string;
  below: string;
  link: string;
}

type Allows = (scope: Scope) => boolean;

/** What has a text in its name or an id, of each kind a few; what may not be read is left out. */
async function find(api: Api, allows: Allows, text: string, signal: AbortSignal): Promise<Found[]> {
  if (!text) return [];
  const query = { query: text, limit: MOST };
  const none = Promise.resolve<Found[]>([]);
  const kinds = [
    allows("customers:read")
      ? customersLike(api, text, signal).then((found) =>
          found.map((one): Found => {
            const name = titleOf(one);
            const below = [one.email, one.external_id].filter((part) => part && part !== name).join(" · ");
            return { icon: "customers", name, below, link: href(["customers", one.id]) };
          }),
        )
      : none,
    allows("meters:read")
      ? Promise.all([
          api.get<List<Meter>>("v1/meters/", query, signal).then(({ items }) => items),
          known(api.get<Meter>(`v1/meters/${encodeURIComponent(text)}`, {}, signal)),
        ]).then(([named, byId]) =>
          [...byId, ...named].map(
            (one): Found => ({
              icon: "meters",
              name: one.name,
              below: t("Meter"),
              link: href(["meters", one.id]),
            }),
          ),
        )
      : none,
    allows("events:read")
      ? Promise.all([
          api.get<List<EventName>>("v1/events/names", query, signal).then(({ items }) => items),
          known(api.get<Event>(`v1/events/${encodeURIComponent(text)}`, {}, signal)),
        ]).then(([names, byId]) => [
          ...byId.map(
            (one): Found => ({
              icon: "events",
              name: one.name,
              below: t("Event"),
              link: href(["events", one.id]),
            }),
          ),
          ...names.map(
            (one): Found => ({
              icon: "events",
              name: one.name,
              below: counted(one.occurrences, "{n} event", "{n} events"),
              link: href(["events"], { name: one.name }),
            }),
          ),
        ])
      : none,
  ];
  return (await Promise.all(kinds)).flat();
}

/** What an id is of, if it is one. */
const known = <T,>(reading: Promise<T>): Promise<T[]> =>
  reading.then(
    (one) => [one],
    (error) => {
      if (error instanceof Refused && [404, 422].includes(error.status)) return [];
      throw error;
    },
  );

export function Search(): JSX.Element {
  const [open, setOpen] = useState(false);
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      const typing = (event.target as Element).closest("input, select, textarea, dialog");
      const wanted =
        (event.key === "k" && (event.metaKey || event.ctrlKey)) || (event.key === "/" && !typing);
      if (!wanted || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      setOpen(true);
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
  return (
    <>
      <button type="button" class="search-opener" aria-label={t("Search")} onClick={() => setOpen(true)}>
        <Icon name="search" />
        <span>{t("Search")}</span>
        <kbd>/</kbd>
      </button>
      {open && (
        <Dialog title={t("Search")} onClose={() => setOpen(false)}>
          <Palette onClose={() => setOpen(false)} />
        </Dialog>
      )}
    </>
  );
}

function Palette({ onClose }: { onClose(): void }): JSX.Element {
  const { api, allows } = useSession();
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const settled = useSettled(text.trim(), TYPING_MILLISECONDS);
  const found = useQuery(
    { queryKey: ["search", settled], queryFn: ({ signal }) => find(api, allows, settled, signal) },
    { skip: !settled },
  );
  const all = settled && found.data ? found.data : [];
  const at = all[Math.min(chosen, all.length - 1)];
  const follow = (link: string): void => {
    onClose();
    go(link);
  };
  const press = (event: TargetedKeyboardEvent<HTMLInputElement>): void => {
    if (event.key === "ArrowDown") setChosen(Math.min(chosen + 1, all.length - 1));
    else if (event.key === "ArrowUp") setChosen(Math.max(chosen - 1, 0));
    else if (event.key === "Enter" && at && settled === text.trim()) follow(at.link);
    else return;
    event.preventDefault();
  };
  // Apart, since the types want a list of the browser's own for this role.
  const combobox: object = {
    role: "combobox",
    "aria-expanded": all.length > 0,
    "aria-controls": "found",
    "aria-activedescendant": at && `found-${all.indexOf(at)}`,
  };
  return (
    <div class="palette">
      <input
        type="search"
        autofocus
        {...combobox}
        aria-label={t("Search everything")}
        placeholder={t("Name, email, external id, or any id")}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setChosen(0);
        }}
        onKeyDown={press}
      />
      <div id="found" role="listbox" aria-label={t("Found")} tabIndex={-1}>
        {all.map((one, place) => (
          <a
            key={one.link}
            id={`found-${place}`}
            role="option"
            aria-selected={one === at}
            tabIndex={-1}
            href={one.link}
            onClick={onClose}
          >
            <Icon name={one.icon} />
            <span>
              <span class="strong">{one.name}</span>
              <small>{one.below}</small>
            </span>
          </a>
        ))}
      </div>
      <p class="hint" role="status">
        {found.error
          ? found.error.message
          : !settled
            ? t("Customers, meters and events, by whatever you know of them.")
            : found.data
              ? all.length === 0 && t("Nothing matches “{text}”.", { text: settled })
              : t("Searching…")}
      </p>
    </div>
  );
}
