// Single keys, where nobody types: g and a letter goes to a page, n makes, / searches, ? tells them.
// Who speaks to the machine can switch them off (WCAG 2.1.4); Ctrl-K stays.
const PAUSE = 1200; // between g and its letter
const OFF = "keys-off";

const isTyping = (target) => target.closest?.("input, textarea, select, [contenteditable], chat-widget, dialog");

customElements.define("page-keys", class extends HTMLElement {
  connectedCallback() {
    this.hidden = false;
    const box = this.querySelector("input");
    box.checked = !localStorage.getItem(OFF);
    box.addEventListener("change", () => (box.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1")));
    addEventListener("keydown", (event) => this.onKey(event));
  }

  onKey(event) {
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.isComposing;
    if (!isPlain || event.defaultPrevented || isTyping(event.target) || localStorage.getItem(OFF)) return;
    if (event.key === "g") { this.since = event.timeStamp; return; }
    const key = event.timeStamp - this.since < PAUSE ? `g ${event.key}` : event.key;
    this.since = undefined;
    const meant = key === "/" ? document.querySelector("main input[type=search]") : this.found(key);
    if (!meant) return;
    event.preventDefault();
    if (key === "/") meant.select(); else meant.click();
  }

  // The page's own comes before what every page has.
  found(key) {
    const all = [...document.querySelectorAll(`[data-keys="${CSS.escape(key)}"]`)];
    return all.find((node) => node.closest("main")) ?? all[0];
  }
});
