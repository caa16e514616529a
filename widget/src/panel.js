// The panel and its launcher: header, log, notice, composer, footer, and where focus goes.
import { Composer } from "./composer.js";
import { el, icon, say, set, tool } from "./dom.js";
import { Log } from "./log.js";
import { Notice } from "./notices.js";
import { language, words } from "./strings.js";
import { safe } from "./inline.js";

const PHONE = "(max-width: 480px)";

export class Panel {
  /** `host`: the element; it has `mode`, `locale`, `privacy`, and `open()` and `close()`. */
  constructor(host, session, store) {
    Object.assign(this, { host, session, store });
    this.word = words(host.locale, store.bot?.strings);
    const { word } = this;
    this.composer = new Composer(session, store);
    this.notice = new Notice(session);
    this.log = new Log({ session, word });
    this.title = el("h2", { id: "title" });
    this.tells = el("p", { id: "tells" });
    this.footer = el("p", { class: "foot" });
    this.expand = tool(word("expand"), "expand", () => this.resize(), { class: "tool wide-only" });
    this.node = this.frame();
    this.launcher = this.bubble ? this.button() : null;
    set(this.node, "lang", language(host.locale));
  }

  get bubble() {
    return this.host.mode === "bubble";
  }

  frame() {
    const { word, bubble } = this;
    const head = el(
      "div",
      { class: "head", part: "header" },
      el("div", { class: "names" }, this.title, this.tells),
      tool(word("fresh"), "fresh", () => this.fresh(), { class: "tool fresh" }),
      bubble && this.expand,
      bubble && tool(word("close"), "close", () => this.host.close()),
    );
    const name = bubble ? "dialog" : "section";
    const label = !bubble && this.host.getAttribute("label"); // else two on one page would have one name
    const called = label ? { "aria-label": label } : { "aria-labelledby": "title" };
    const kind = { class: "panel", part: "panel", "aria-describedby": "tells", ...called };
    const node = el(name, kind, head, this.log.node, this.notice.node, this.composer.node, this.footer);
    node.addEventListener("keydown", (event) => {
      if (bubble && event.key === "Escape" && !event.defaultPrevented) this.leave(event);
    });
    node.addEventListener("cancel", (event) => this.leave(event));
    return node;
  }

  leave(event) {
    event.preventDefault();
    event.stopPropagation();
    this.host.close();
  }

  button() {
    this.badge = el("span", { class: "unread", "aria-hidden": "true", hidden: true });
    this.label = el("span", { class: "label", hidden: true });
    const { host } = this;
    const toggle = () => (host.isOpen ? host.close() : host.open());
    const props = { type: "button", class: "launcher", part: "launcher", "aria-haspopup": "dialog", onclick: toggle };
    return el("button", props, icon("mark"), this.label, this.badge);
  }

  /** On a phone the dialog is modal and fills the screen; elsewhere the page stays usable. */
  show() {
    if (!this.bubble || this.node.open) return;
    this.phone ??= matchMedia(PHONE);
    this.phone.onchange = () => {
      if (!this.node.open) return;
      this.node.close();
      this.show();
    };
    if (this.phone.matches) this.node.showModal();
    else this.node.show();
    this.log.toEnd();
    this.composer.focus();
  }

  hide() {
    if (!this.bubble) return;
    const inside = this.host.shadowRoot.activeElement;
    this.node.close();
    if (inside) this.launcher.focus();
  }

  resize() {
    const large = this.node.classList.toggle("large");
    const label = this.word(large ? "shrink" : "expand");
    set(this.expand, "aria-label", label);
    set(this.expand, "title", label);
    set(this.expand, "aria-pressed", String(large));
  }

  fresh() {
    this.session.fresh();
    this.composer.focus();
  }

  draw(store) {
    const { word } = this;
    const { bot } = store;
    say(this.title, bot?.name || this.host.getAttribute("title") || word("title"));
    const [first, rest] = disclosed(bot?.disclosure);
    say(this.tells, first || word("disclosure"));
    this.foot(first ? rest : word("wrong"));
    this.node.classList.toggle("shut", store.phase === "closed" && !store.items.length);
    this.log.draw(store);
    this.notice.draw(store, word);
    this.composer.draw(store, word);
    if (this.launcher) this.launch(store);
  }

  foot(text) {
    const address = safe(this.host.getAttribute("privacy") ?? "");
    const print = `${text}\n${address}`;
    if (print === this.footed) return;
    this.footed = print;
    const place = address && el("a", { href: address, target: "_blank", rel: "noopener" }, this.word("privacy"));
    this.footer.replaceChildren(...[text, place].filter(Boolean).flatMap((part) => [part, " "]));
    set(this.footer, "class", text || place ? "foot" : "foot bare");
  }

  launch({ unread, bot }) {
    const { word, host } = this;
    const open = host.isOpen;
    const count = unread ? `, ${word("unread", { n: unread })}` : "";
    const text = bot?.theme?.launcher === "text" ? bot.theme.launcher_text : host.getAttribute("label");
    set(this.label, "hidden", !text || open);
    say(this.label, text || "");
    const name = text && !open ? text : word(open ? "hide" : "open");
    set(this.launcher, "aria-label", `${name}${count}`);
    set(this.launcher, "aria-expanded", String(open));
    set(this.badge, "hidden", !unread);
    say(this.badge, unread > 9 ? "9+" : String(unread));
  }
}

/** "You are chatting with an AI. Answers can be wrong.": the first sentence above, the rest below. */
function disclosed(text = "") {
  const found = /^(.{1,80}?[.!?])\s+(.+)$/s.exec(text.trim());
  return found ? [found[1].replace(/\.$/, ""), found[2]] : [text.trim(), ""];
}
