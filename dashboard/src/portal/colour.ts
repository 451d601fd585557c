// The organization's colour, as it can be read: as near to it as the contrast allows.
type Rgb = [number, number, number];

/** What WCAG 2.2 asks of text, AA, and a little more, so that rounding can't take it away. */
const CONTRAST = 4.6;
const STEP = 0.02;

const parsed = (colour: string): Rgb =>
  [1, 3, 5].map((place) => Number.parseInt(colour.slice(place, place + 2), 16)) as Rgb;

const written = (rgb: Rgb): string =>
  `#${rgb.map((one) => Math.round(one).toString(16).padStart(2, "0")).join("")}`;

function luminance(rgb: Rgb): number {
  const [r, g, b] = rgb.map((one) => {
    const share = Math.round(one) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as Rgb;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** The contrast of two colours, from 1 to 21. https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
export function contrast(one: string, other: string): number {
  const [high = 0, low = 0] = [luminance(parsed(one)), luminance(parsed(other))].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}

/** A colour made darker or lighter until it can be read on all of these. */
export function readable(colour: string, grounds: string[]): string {
  const dark = grounds.every((ground) => luminance(parsed(ground)) < 0.18);
  const target: Rgb = dark ? [255, 255, 255] : [0, 0, 0];
  const from = parsed(colour);
  for (let share = 0; share < 1; share += STEP) {
    const mixed = written(from.map((one, place) => one + ((target[place] ?? 0) - one) * share) as Rgb);
    if (grounds.every((ground) => contrast(mixed, ground) >= CONTRAST)) return mixed;
  }
  return written(target);
}
