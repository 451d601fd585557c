// The page for customers: what is left of their credits, what they used, and why.
import { render } from "preact";
import "../styles/tokens.css";
import "../styles/base.css";
import { applyTheme } from "../text/settings";
import { loadWords } from "../text/words";
import { App } from "./app";
import { theme } from "./session";

applyTheme();
const chosen = theme();
if (chosen === "light" || chosen === "dark") document.documentElement.setAttribute("data-theme", chosen);
await loadWords();

const root = document.getElementById("app");
if (root) render(<App />, root);
