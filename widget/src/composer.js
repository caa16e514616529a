// Where the visitor writes: one box, one button that sends or stops.
import { el, icon, set } from "./dom.js";

const TALLEST = 6; // lines, then it scrolls

export class Composer {
  constructor(session, store) {
    this.session = session;
    this.store = store;
    this.box = el("textarea", {
      rows: "1",
      dir: "auto",
      enterkeyhint: "send",
      oninput: () => this.written(),
      onkeydown: (event) => this.key(event),
    });
    this.button = el("button", { class: "send", type: "submit" });
    this.node = el(
      "form",
      { part: "composer", novalidate: true, onsubmit: (event) => this.submit(event) },
      this.box,
      this.button,
    );
  }

  focus() {
    this.box.focus({ preventScroll: true });
  }

  /** Enter sends, Shift+Enter breaks the line; Enter that ends a composed character does neither. */
  key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    if (!this.stops) this.send();
  }

  written() {
    this.store.change({ draft: this.box.value });
  }

  submit(event) {
    event.preventDefault();
    if (this.stops) this.session.stop();
    else this.send();
    this.focus();
  }

  send() {
    this.session.questions.ask(this.box.value);
  }

  draw(store, word) {
    if (this.box.value !== store.draft) this.box.value = store.draft;
    this.box.rows = Math.min(TALLEST, store.draft.split("\n").length);
    const shut = store.phase === "closed" || store.notice?.kind === "resting";
    const limited = store.notice?.kind === "limited";
    set(this.box, "aria-label", word("message"));
    set(this.box, "placeholder", word(limited ? "limitedBox" : "placeholder"));
    set(this.box, "maxlength", store.most);
    this.box.disabled = shut;
    this.stops = Boolean(store.active || (store.asking && store.phase === "ready"));
    this.button.disabled = shut || limited || (store.busy && !this.stops) || (!this.stops && !store.draft.trim());
    set(this.button, "aria-label", word(this.stops ? "stop" : "send"));
    set(this.button, "title", word(this.stops ? "stop" : "send"));
    const picture = this.stops ? "stop" : "send";
    if (this.picture === picture) return;
    this.picture = picture;
    this.button.replaceChildren(icon(picture));
  }
}
