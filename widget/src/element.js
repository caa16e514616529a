// <chat-widget>: attributes in, DOM events out, and the few verbs a page may call.
import { Memory } from "./memory.js";
import { Panel } from "./panel.js";
import { Session } from "./session.js";
import { Store } from "./store.js";
import style from "./style.css";
import { sheetOf } from "./theme.js";

const MODES = ["bubble", "inline", "full"];
let sheet; // one for all widgets of a page

export class ChatWidget extends HTMLElement {
  static observedAttributes = ["open", "lang", "user-token", "preview"];
  static home = ""; // where the script came from, and so where the server is

  // ---- for pages

  open() {
    this.begin();
    if (this.isOpen) return;
    this.toggleAttribute("open", true);
  }

  close() {
    this.toggleAttribute("open", false);
  }

  toggle() {
    if (this.isOpen) this.close();
    else this.open();
  }

  /** True when the message is on its way or waits for the network. */
  send(text) {
    this.begin();
    return this.session.questions.ask(String(text));
  }

  stop() {
    this.session?.stop();
  }

  reset() {
    this.begin();
    this.session.fresh();
  }

  /** A token that your server has signed: who the visitor is. */
  identify(token) {
    const changed = token !== this.userToken;
    this.userToken = token;
    if (changed && this.session) this.session.identify();
  }

  /** Up to 16 short texts, sent with each question from now on. */
  setContext(values) {
    this.context = Object.fromEntries(
      Object.entries(values ?? {}).slice(0, 16).map(([key, value]) => [key.slice(0, 64), String(value).slice(0, 512)]),
    );
    if (this.session) this.session.questions.context = this.context;
  }

  setTheme(values) {
    this.chosen = { ...this.chosen, ...values };
    this.dress();
  }

  /** `on("message", (detail) => …)`; returns what ends it. */
  on(name, listener) {
    const heard = (event) => listener(event.detail);
    this.addEventListener(`chat:${name}`, heard);
    return () => this.removeEventListener(`chat:${name}`, heard);
  }

  get isOpen() {
    return this.mode !== "bubble" || this.hasAttribute("open");
  }

  // ---- for the parts

  get mode() {
    const mode = this.getAttribute("mode");
    return MODES.includes(mode) ? mode : "bubble";
  }

  get locale() {
    return this.getAttribute("lang") || document.documentElement.lang || navigator.language || "en";
  }

  /** Our own events: composed, so that they leave shadow roots around us. */
  tell(name, detail = {}) {
    if (name === "message" && detail.role === "assistant") this.count();
    this.dispatchEvent(new CustomEvent(`chat:${name}`, { detail, bubbles: true, composed: true }));
  }

  count() {
    if (this.isOpen) return;
    this.store.change({ unread: this.store.unread + 1 });
    this.tell("unread", { count: this.store.unread });
  }

  // ---- life

  connectedCallback() {
    if (!this.shadowRoot) this.build();
    else if (!this.session) this.prepare(); // it was taken out, and is put back
    if (!this.hasAttribute("mode")) this.setAttribute("mode", "bubble");
    this.draw();
    if (this.isOpen || this.memory.kept) this.begin();
    if (this.isOpen && this.mode === "bubble") this.panel.show();
  }

  disconnectedCallback() {
    queueMicrotask(() => {
      if (this.isConnected) return; // it was only moved
      this.session?.close();
      this.session = null;
      this.shadowRoot.replaceChildren();
      this.panel = null;
    });
  }

  attributeChangedCallback(name, before, after) {
    if (before === after || !this.panel) return;
    if (name === "open" && this.mode === "bubble") this.opened(after !== null);
    else if (name === "lang") this.rebuild();
    else if (name === "user-token") this.identify(after);
    else if (name === "preview" && this.store.phase === "closed") this.session.connection.retry();
  }

  build() {
    const root = this.attachShadow({ mode: "open", delegatesFocus: false });
    sheet ??= constructed(style);
    this.themed = constructed("");
    root.adoptedStyleSheets = [sheet, this.themed];
    this.chosen = {};
    this.strings = "{}"; // words of the chatbot's own: none before it is known
    this.context ??= {};
    this.userToken ??= this.getAttribute("user-token");
    this.prepare();
  }

  prepare() {
    const bot = this.getAttribute("bot") ?? "";
    const home = this.getAttribute("server") || ChatWidget.home || location.origin;
    this.store = new Store();
    // Teams of one server may name their chatbots alike, and makers try drafts beside visitors, also
    // two on one page.
    const whose = this.hasAttribute("preview") ? `draft${this.id}` : (this.getAttribute("key") ?? "").slice(-6);
    this.memory = new Memory(`chat:${new URL(home).host}:${bot}:${whose}`);
    const url = new URL(`/ws/chatbots/${encodeURIComponent(bot)}/`, home);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    this.session = new Session({
      url: url.href,
      store: this.store,
      memory: this.memory,
      who: () => this.who(),
      emit: (name, detail) => this.tell(name, detail),
    });
    this.session.questions.context = this.context;
    this.started = false;
    this.store.listeners.add(() => this.later());
    this.rebuild();
  }

  who() {
    return {
      key: this.getAttribute("key") ?? undefined,
      preview: this.getAttribute("preview") ?? undefined,
      user_token: this.userToken ?? undefined,
      locale: this.locale.slice(0, 35),
    };
  }

  /** The socket waits until somebody wants to talk, or has talked before. */
  begin() {
    if (!this.shadowRoot || this.started) return;
    this.started = true;
    this.store.change({ phase: "connecting" });
    this.session.open();
  }

  opened(yes) {
    if (yes) {
      this.begin();
      this.store.change({ unread: 0 });
      this.panel.show();
    } else this.panel.hide();
    this.draw();
    this.tell(yes ? "open" : "close");
  }

  /** Words and structure anew: at the start, for another language, for the chatbot's own strings. */
  rebuild() {
    const wasOpen = this.panel?.node.open;
    const before = this.panel?.launcher;
    const atLauncher = before && this.shadowRoot.activeElement === before;
    this.panel = new Panel(this, this.session, this.store);
    this.shadowRoot.replaceChildren(...[this.panel.node, this.panel.launcher].filter(Boolean));
    if (wasOpen) this.panel.show();
    if (atLauncher) this.panel.launcher.focus();
    this.draw();
  }

  /** Drawn with the next frame; a page in the background draws no frames, but its state goes on. */
  later() {
    this.setAttribute("state", this.store.state);
    if (this.pending) return;
    this.pending = true;
    const draw = () => {
      this.pending = false;
      this.draw();
    };
    if (document.hidden) setTimeout(draw, 200);
    else requestAnimationFrame(draw);
  }

  draw() {
    if (!this.panel) return;
    const { bot } = this.store;
    if (bot !== this.bot) {
      this.bot = bot;
      this.dress();
      const strings = JSON.stringify(bot?.strings ?? {});
      if (strings !== this.strings) {
        this.strings = strings;
        return void this.rebuild();
      }
    }
    this.setAttribute("state", this.store.state);
    this.panel.draw(this.store);
  }

  dress() {
    if (!this.themed) return;
    const theme = this.store.bot?.theme ?? {};
    this.themed.replaceSync(sheetOf(theme, this.chosen));
    const side = this.getAttribute("side") ?? (theme.position === "bottom-left" ? "left" : null);
    if (side) this.setAttribute("side", side);
    if (theme.density) this.setAttribute("density", theme.density);
  }
}

function constructed(text) {
  const made = new CSSStyleSheet();
  made.replaceSync(text);
  return made;
}
