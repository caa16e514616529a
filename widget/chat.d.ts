// What a page may say to a chat widget, and hear from it. See docs/widget.md.

export type ChatMode = "bubble" | "inline" | "full";

export type ChatState =
  | "loading" | "ready" | "streaming" | "offline" | "reconnecting"
  | "limited" | "resting" | "failed" | "paused" | "refused" | "key";

export interface ChatTheme {
  accent?: string;
  "on-accent"?: string;
  bg?: string;
  fg?: string;
  muted?: string;
  border?: string;
  said?: string;
  radius?: string;
  font?: string;
  shadow?: string;
  z?: string;
  width?: string;
  height?: string;
  offset?: string;
  scheme?: "light" | "dark" | "auto";
}

export interface ChatMessage {
  role: "user" | "assistant";
  text: string;
  /** Of an answer. */
  id?: string | null;
  response_id?: string;
  conversation?: string | null;
  status?: "completed" | "incomplete" | "failed" | "stopped";
  usage?: Record<string, unknown>;
}

export interface ChatEvents {
  ready: { chatbot: Record<string, unknown>; conversation: string | null };
  open: Record<string, never>;
  close: Record<string, never>;
  message: ChatMessage;
  delta: { text: string; response_id: string };
  feedback: { item_id: string; rating: "up" | "down" | null; comment?: string };
  error: { code: string; message: string };
  unread: { count: number };
  tool: { name?: string; arguments: string; item_id: string; call_id?: string; response_id: string };
}

export interface ChatWidgetElement extends HTMLElement {
  open(): void;
  close(): void;
  toggle(): void;
  /** True when the message is on its way, or waits for the network. */
  send(text: string): boolean;
  /** End the answer that is being written; what there is stays. */
  stop(): void;
  /** Begin a new conversation. */
  reset(): void;
  /** A token that your server has signed, or null for a stranger. */
  identify(token: string | null): void;
  /** Up to 16 short texts, sent with each question from now on. */
  setContext(values: Record<string, string | number | boolean>): void;
  setTheme(values: ChatTheme): void;
  /** Returns what ends it. */
  on<Name extends keyof ChatEvents>(name: Name, listener: (detail: ChatEvents[Name]) => void): () => void;
  readonly isOpen: boolean;
}

type Calls = "open" | "close" | "toggle" | "send" | "stop" | "reset" | "identify" | "setContext" | "setTheme" | "on";

declare global {
  interface HTMLElementTagNameMap {
    "chat-widget": ChatWidgetElement;
  }
  interface Window {
    /** Before the script has come, an array of calls to be made; then this. */
    ChatWidget: {
      version: string;
      element: ChatWidgetElement | null;
      push(...calls: [Calls, ...unknown[]][]): void;
    };
  }
  interface HTMLElementEventMap {
    "chat:ready": CustomEvent<ChatEvents["ready"]>;
    "chat:open": CustomEvent<ChatEvents["open"]>;
    "chat:close": CustomEvent<ChatEvents["close"]>;
    "chat:message": CustomEvent<ChatEvents["message"]>;
    "chat:delta": CustomEvent<ChatEvents["delta"]>;
    "chat:feedback": CustomEvent<ChatEvents["feedback"]>;
    "chat:error": CustomEvent<ChatEvents["error"]>;
    "chat:unread": CustomEvent<ChatEvents["unread"]>;
    "chat:tool": CustomEvent<ChatEvents["tool"]>;
  }
}
