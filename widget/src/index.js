// What the script tag starts: the element is defined, the tag's own widget is made, early calls run.
import { ChatWidget } from "./element.js";
import { VERSION } from "./version.js";

const tag = document.currentScript;
if (tag?.src) ChatWidget.home = new URL(tag.src).origin;
if (!customElements.get("chat-widget")) customElements.define("chat-widget", ChatWidget);

const early = Array.isArray(window.ChatWidget) ? window.ChatWidget : [];

/** `ChatWidget.push(["send", "Hello"])`, before the script has come or after; `ChatWidget.element`. */
window.ChatWidget = {
  version: VERSION,
  get element() {
    return document.querySelector("chat-widget");
  },
  push(...calls) {
    for (const [name, ...given] of calls) this.element?.[name]?.(...given);
  },
};

function start() {
  if (tag?.dataset.bot) place(tag);
  window.ChatWidget.push(...early);
}

/** Attributes of the tag become the element's: `data-bot` is `bot`, `data-user-token` `user-token`. */
function place({ dataset, parentNode, nextSibling }) {
  const widget = document.createElement("chat-widget");
  for (const [key, value] of Object.entries(dataset)) {
    widget.setAttribute(key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`), value);
  }
  if (dataset.mode === "inline" && parentNode !== document.head) parentNode.insertBefore(widget, nextSibling);
  else document.body.append(widget);
}

if (document.readyState === "loading") addEventListener("DOMContentLoaded", start, { once: true });
else start();
