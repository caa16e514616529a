// Elements made node by node: nothing in this widget ever parses markup, so no text can become any.
const SVG = "http://www.w3.org/2000/svg";

const PATHS = {
  close: ["M4 4l10 10M14 4L4 14"],
  fresh: ["M9 4v10M4 9h10"],
  expand: ["M10.500 3H15v4.500M15 3l-5 5M7.500 15H3v-4.500M3 15l5-5"],
  send: ["M9 15V3M4 8l5-5 5 5"],
  stop: ["M5 5h8v8H5z"],
  copy: ["M6 6V3h9v9h-3M3 6h9v9H3z"],
  done: ["M3 9.500l4 4 8-9"],
  up: ["M5 8v7H3V8zM5 8l3-5c2 0 2 1 1.500 4H15l-1.500 8H5"],
  down: ["M5 10V3H3v7zM5 10l3 5c2 0 2-1 1.500-4H15l-1.500-8H5"],
  again: ["M14 4v4h-4M14 8a5.500 5.500 0 1 0 .5 3"],
  latest: ["M9 3v12M4 10l5 5 5-5"],
  mark: ["M14 3.500l9.100 5.250v10.500L14 24.500l-9.100-5.250V8.750z", "M14 14l5.500-5.500"],
};

/** `el("button", { class: "send", disabled: true, onclick: fn }, "text", child)`. */
export function el(name, props = {}, ...kids) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(props)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else set(node, key, value);
  }
  node.append(...kids.filter((kid) => kid != null && kid !== false));
  return node;
}

/** Give an attribute a value, or take it away; touches nothing that is so already. */
export function set(node, name, value) {
  if (value === false || value == null) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
    return;
  }
  const text = value === true ? "" : String(value);
  if (node.getAttribute(name) !== text) node.setAttribute(name, text);
}

/** Say something else, unless it is said already (a live region would speak again). */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", name === "mark" ? "0 0 28 28" : "0 0 18 18");
  svg.setAttribute("aria-hidden", "true");
  svg.append(
    ...PATHS[name].map((d, at) => {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("d", d);
      if (at) path.setAttribute("class", "needle");
      return path;
    }),
  );
  return svg;
}

/** A button that shows a picture and says a word. */
export function tool(label, picture, onclick, props = {}) {
  return el(
    "button",
    { type: "button", class: "tool", "aria-label": label, title: label, onclick, ...props },
    icon(picture),
  );
}
