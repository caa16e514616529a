// Ctrl-K: every link of the page's navigation and every main button, by typing part of its name.
const clean = (text) => text.replace(/\s+/g, " ").trim();
const named = (node) => clean([...node.childNodes].filter((part) => !part.matches?.(".nav-count")).map((part) => part.textContent).join(" "));

// What one could have typed instead: keys.js.
const hints = (node) => (node.dataset.keys || "").split(" ").filter(Boolean).map((key) => {
  const hint = document.createElement("kbd");
  hint.textContent = key;
  return hint;
});

customElements.define("command-palette", class extends HTMLElement {
  connectedCallback() {
    this.button = this.querySelector("button");
    this.button.hidden = false;
    this.button.addEventListener("click", () => this.open());
    addEventListener("keydown", (event) => this.onKey(event));
  }

  onKey(event) {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      this.open();
    }
  }

  build() {
    this.dialog = document.createElement("dialog");
    this.dialog.className = "dialog palette";
    const label = clean([...this.button.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data).join(" "));
    this.dialog.setAttribute("aria-label", label);
    this.input = document.createElement("input");
    Object.assign(this.input, { className: "palette-input", type: "text", autocomplete: "off", placeholder: label });
    this.input.setAttribute("role", "combobox");
    this.input.setAttribute("aria-controls", "palette-list");
    this.input.setAttribute("aria-expanded", "true");
    this.input.setAttribute("aria-label", this.dialog.getAttribute("aria-label"));
    this.list = document.createElement("ul");
    Object.assign(this.list, { id: "palette-list", className: "palette-list" });
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", this.dialog.getAttribute("aria-label"));
    this.dialog.append(this.input, this.list);
    document.body.append(this.dialog);
    this.input.addEventListener("input", () => this.fill());
    this.input.addEventListener("keydown", (event) => this.move(event));
    this.dialog.addEventListener("click", (event) => { if (event.target === this.dialog) this.dialog.close(); });
  }

  open() {
    if (!this.dialog) this.build();
    if (this.dialog.open) return;
    this.input.value = "";
    this.fill();
    this.dialog.showModal();
  }

  found() {
    const all = [".frame-rail > .nav a", ".page-head .button, .table tbody th a", ".menu :is(a, button[data-keys])"].flatMap((those) => [...document.querySelectorAll(those)]);
    const seen = new Set();
    return all.map((node) => ({ node, name: named(node) }))
      .filter(({ name }) => name && !seen.has(name) && seen.add(name))
      .filter(({ name }) => name.toLowerCase().includes(this.input.value.trim().toLowerCase()))
      .slice(0, 12);
  }

  fill() {
    this.at = 0;
    this.list.replaceChildren(...this.found().map(({ node, name }, i) => {
      const item = document.createElement("li");
      item.id = `palette-${i}`;
      item.setAttribute("role", "option");
      const icon = node.querySelector(".icon");
      if (icon) item.append(icon.cloneNode(true));
      item.append(name);
      item.append(...hints(node));
      item.addEventListener("click", () => this.go(node));
      item.run = () => this.go(node);
      return item;
    }));
    this.mark();
  }

  mark() {
    [...this.list.children].forEach((item, i) => item.setAttribute("aria-selected", String(i === this.at)));
    this.input.setAttribute("aria-activedescendant", `palette-${this.at}`);
    this.list.children[this.at]?.scrollIntoView({ block: "nearest" });
  }

  move(event) {
    const last = this.list.children.length - 1;
    if (event.key === "ArrowDown") this.at = Math.min(this.at + 1, last);
    else if (event.key === "ArrowUp") this.at = Math.max(this.at - 1, 0);
    else if (event.key === "Enter") this.list.children[this.at]?.run();
    else return;
    event.preventDefault();
    this.mark();
  }

  go(node) {
    this.dialog.close();
    node.click();
  }
});
