// One session for all tabs of a browser: a new one asks those that are open, and what ends in one
// ends in all. The token is in their memory, and in each tab's own storage for a reload; with the
// last tab it is gone.
const TOKEN = "aureon.token";
const CHANNEL = "aureon";
const PATIENCE_MILLISECONDS = 200;

type Said = { is: "asking" } | { is: "answer"; token: string } | { is: "out"; token: string };

/** The token of this tab, if it had one before a reload. */
export const keptToken = (): string => sessionStorage.getItem(TOKEN) ?? "";

export function keepToken(token: string): void {
  sessionStorage.setItem(TOKEN, token);
}

/** Forget the token here; what is not finished stays for the next sign-in. */
export function forgetToken(): void {
  sessionStorage.removeItem(TOKEN);
}

/** Ask the other tabs for their token: empty where none has any. */
export function askOthers(): Promise<string> {
  return new Promise((resolve) => {
    const channel = new BroadcastChannel(CHANNEL);
    const end = (token: string): void => {
      clearTimeout(timer);
      channel.close();
      resolve(token);
    };
    const timer = setTimeout(() => end(""), PATIENCE_MILLISECONDS);
    channel.onmessage = ({ data }: MessageEvent<Said>) => {
      if (data.is === "answer") end(data.token);
    };
    channel.postMessage({ is: "asking" } satisfies Said);
  });
}

/** Answer tabs that ask, as long as this one is signed in, and leave when another one does. */
export function share(token: string, onOut: () => void): () => void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = ({ data }: MessageEvent<Said>) => {
    if (data.is === "asking") channel.postMessage({ is: "answer", token } satisfies Said);
    if (data.is === "out" && data.token === token) onOut();
  };
  return () => channel.close();
}

export function tellOut(token: string): void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage({ is: "out", token } satisfies Said);
  channel.close();
}
