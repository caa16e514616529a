// The messages, top to bottom: keyed, kept in view while they grow, spoken sentence by sentence.
import { el, icon, say, set } from "./dom.js";
import { message } from "./message.js";
import { paint } from "./markdown.js";

const NEAR = 60; // pixels from the end that still count as "reading the end"

export class Log {
  constructor(context) {
    this.context = context;
    this.nodes = new Map();
    this.spoken = new Map(); // key → characters that were announced
    const { word, session } = context;
    this.welcome = el("div", { class: "answer" }, el("div", { class: "words", dir: "auto" }));
    this.asks = el("div", { class: "asks", part: "suggestions" });
    this.skeleton = el("div", { class: "skeleton", "aria-hidden": "true" }, el("i"), el("i"), el("i"));
    this.thinking = el("div", { class: "thinking", "aria-hidden": "true" }, el("i"), el("i"), el("i"));
    this.earlier = el("button", { type: "button", class: "earlier", onclick: () => session.earlier() }, word("earlier"));
    this.box = el(
      "div",
      { class: "log", role: "log", "aria-live": "polite", tabindex: "0", onscroll: () => this.scrolled() },
      this.earlier, this.skeleton, this.welcome, this.asks, this.thinking,
    );
    this.latest = el("button", { type: "button", class: "latest", hidden: true, onclick: () => this.toEnd() }, icon("latest"));
    this.voice = el("p", { class: "unseen", role: "status" });
    this.follows = true; // the reader is at the end, and stays there while it moves
    new ResizeObserver(() => this.follows && this.toEnd()).observe(this.box);
    this.node = el("div", { class: "middle" }, this.box, this.latest, this.voice);
    set(this.box, "aria-label", word("log"));
    set(this.latest, "aria-label", word("latest"));
  }

  draw(store) {
    const { box } = this;
    const { scrollTop, scrollHeight } = box;
    const first = store.items[0];
    const last = store.items.at(-1);
    this.before(store);
    this.messages(store);
    this.progress(store);
    if (this.follows || last !== this.last) this.toEnd();
    else if (first !== this.first) box.scrollTop = scrollTop + box.scrollHeight - scrollHeight; // what is read stays in view
    Object.assign(this, { first, last });
  }

  before({ bot, items, loading, more, busy }) {
    set(this.skeleton, "hidden", !loading);
    if (!more && this.earlier.matches(":focus")) this.box.focus({ preventScroll: true });
    set(this.earlier, "hidden", !more);
    const [words] = this.welcome.children;
    set(this.welcome, "hidden", !bot?.welcome || more);
    if (bot?.welcome) paint(words, bot.welcome);
    const prompts = items.length || busy ? [] : (bot?.suggested_prompts ?? []).slice(0, 4);
    set(this.asks, "hidden", !prompts.length);
    const print = JSON.stringify(prompts);
    if (print === this.prompts) return;
    this.prompts = print;
    const { session } = this.context;
    this.asks.replaceChildren(
      ...prompts.map((text) =>
        el("button", { type: "button", dir: "auto", onclick: () => session.questions.ask(text) }, text),
      ),
    );
  }

  messages({ items, phase }) {
    const wanted = new Set();
    let place = this.welcome;
    items.forEach((item, at) => {
      let node = this.nodes.get(item.key);
      if (!node) this.nodes.set(item.key, (node = message(item, this.context)));
      item.late = phase !== "ready";
      node.draw(item, at === items.length - 1);
      if (place.nextSibling !== node) place.after(node);
      place = node;
      wanted.add(item.key);
      this.speak(item);
    });
    for (const [key, node] of this.nodes) {
      if (wanted.has(key)) continue;
      node.remove();
      this.nodes.delete(key);
    }
  }

  progress({ busy, items, phase }) {
    const last = items.at(-1);
    const waits = busy && phase === "ready" && !(last?.role === "assistant" && last.text);
    set(this.thinking, "hidden", !waits);
    set(this.box, "aria-busy", busy ? "true" : null);
  }

  /** Whole sentences of what is being written, never single words; then that it is complete. */
  speak({ key, role, status, text }) {
    if (role !== "assistant") return;
    const from = this.spoken.get(key);
    if (from === undefined && status !== "in_progress") return void this.spoken.set(key, text.length);
    const rest = text.slice(from ?? 0);
    const end = status === "in_progress" ? sentences(rest) : rest.length;
    this.spoken.set(key, (from ?? 0) + end);
    if (end) say(this.voice, rest.slice(0, end).replace(/[*_`#>|]/g, "").trim());
  }

  toEnd() {
    this.box.scrollTop = this.box.scrollHeight;
  }

  scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.box;
    this.follows = scrollHeight - scrollTop - clientHeight < NEAR;
    set(this.latest, "hidden", this.follows);
  }
}

/** The length of the whole sentences at the beginning of `text`. */
function sentences(text) {
  const found = /^[\s\S]*[.!?。！？:\n](?=\s)/.exec(text);
  return found ? found[0].length : 0;
}
