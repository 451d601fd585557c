// What somebody has chosen for this browser: the one thing that outlives a session.
import { useEffect, useState } from "preact/hooks";

export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;

/** How numbers are written: the mark between groups of three, and the one before the fraction. */
export const MARKS = {
  point: { group: ",", decimal: "." },
  comma: { group: ".", decimal: "," },
  space: { group: "\u202f", decimal: "," },
  apostrophe: { group: "’", decimal: "." },
} as const;
export type Marks = keyof typeof MARKS;

export interface Settings {
  language: Language | "auto";
  numbers: Marks | "auto";
  dates: "auto" | "iso";
  /** An IANA name; empty for the browser's own zone. */
  zone: string;
  theme: "auto" | "light" | "dark";
}

const KEY = "aureon.settings";
const DEFAULTS: Settings = { language: "auto", numbers: "auto", dates: "auto", zone: "", theme: "auto" };

export const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;

let current = stored();
const watching = new Set<() => void>();

function stored(): Settings {
  try {
    return { ...DEFAULTS, ...JSON.parse(globalThis.localStorage?.getItem(KEY) ?? "{}") };
  } catch {
    return DEFAULTS;
  }
}

export const settings = (): Settings => current;

export function change(part: Partial<Settings>): void {
  current = { ...current, ...part };
  const chosen = Object.fromEntries(
    Object.entries(current).filter(([name, value]) => value !== DEFAULTS[name as keyof Settings]),
  );
  if (Object.keys(chosen).length > 0) globalThis.localStorage?.setItem(KEY, JSON.stringify(chosen));
  else globalThis.localStorage?.removeItem(KEY);
  applyTheme();
  for (const tell of watching) tell();
}

/** The settings, and a new rendering whenever they change. */
export function useSettings(): Settings {
  const [shown, setShown] = useState(current);
  useEffect(() => {
    const tell = (): void => setShown(current);
    watching.add(tell);
    return () => void watching.delete(tell);
  }, []);
  return shown;
}

export function language(): Language {
  if (current.language !== "auto") return current.language;
  const preferred = globalThis.navigator?.languages ?? [];
  const known = preferred.map((one) => one.slice(0, 2)).find((one) => one in LANGUAGES);
  return (known ?? "en") as Language;
}

export function marks(): (typeof MARKS)[Marks] {
  return MARKS[current.numbers === "auto" ? preferredMarks() : current.numbers];
}

/** The marks of the browser's language, or of the language that was chosen. */
function preferredMarks(): Marks {
  const locale = current.language === "auto" ? globalThis.navigator?.language : current.language;
  const parts = new Intl.NumberFormat(locale || "en").formatToParts(1234567.5);
  const decimal = parts.find((one) => one.type === "decimal")?.value;
  const group = parts.find((one) => one.type === "group")?.value;
  if (decimal === ",") return group === "." ? "comma" : "space";
  return group === "’" ? "apostrophe" : "point";
}

let organizationZone = "";

/** The zone that the organization has chosen, empty where it has none: it holds until a person chooses. */
export function adoptZone(zone: string): void {
  if (zone === organizationZone) return;
  organizationZone = zone;
  current = { ...current };
  for (const tell of watching) tell();
}

export const zone = (): string => current.zone || organizationZone || HERE;

export function applyTheme(): void {
  const root = globalThis.document?.documentElement;
  if (current.theme === "auto") root?.removeAttribute("data-theme");
  else root?.setAttribute("data-theme", current.theme);
}
