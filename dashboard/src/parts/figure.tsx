import type { JSX } from "preact";
import "./figure.css";

interface FigureProps {
  text: string;
  large?: boolean;
}

/** A number that stands out: in one line, however many digits it has. */
export function Figure({ text, large }: FigureProps): JSX.Element {
  return (
    <strong class={`figure-out ${large ? "large" : ""}`} style={{ "--length": text.length }}>
      {text}
    </strong>
  );
}
