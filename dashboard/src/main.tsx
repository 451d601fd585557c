import { render } from "preact";
import "./styles/tokens.css";
import "./styles/base.css";
import { App } from "./app";
import { applyTheme } from "./text/settings";
import { loadWords } from "./text/words";

applyTheme();
await loadWords();

const root = document.getElementById("app");
if (root) render(<App />, root);
