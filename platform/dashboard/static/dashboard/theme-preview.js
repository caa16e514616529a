// The widget beside the form of its look: what is typed is shown at once, and a pale accent is warned of.
const ENOUGH = 4.5;
const COLOUR = /^#[0-9a-f]{6}$/i;

/** Of a colour and white, by WCAG 2.2: the server counts the same. */
const contrast = (colour) => {
  const parts = colour.slice(1).match(/../g).map((pair) => parseInt(pair, 16) / 255);
  const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 1.05 / (0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05);
};

customElements.define("theme-preview", class extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    this.widget = this.querySelector("chat-widget");
    this.form.addEventListener("input", () => this.show());
    const schemes = this.querySelector("[data-schemes]");
    schemes.hidden = false;
    schemes.addEventListener("click", (event) => this.on(event.target.closest("[data-scheme]")));
    customElements.whenDefined("chat-widget").then(() => this.show());
  }

  value(name) { return this.form.elements[`theme__${name}`].value; }

  show() {
    const accent = this.value("accent");
    const isColour = COLOUR.test(accent);
    this.querySelector("[data-pale]").hidden = !isColour || contrast(accent) >= ENOUGH;
    this.querySelector(".swatch rect")?.setAttribute("fill", isColour ? accent : "none");
    this.widget.setTheme({
      accent: isColour ? accent : undefined,
      radius: `${Number(this.value("radius"))}px`,
      scheme: this.scheme ?? this.value("scheme"),
    });
    this.widget.setAttribute("density", this.value("density"));
  }

  on(button) {
    if (!button) return;
    this.scheme = this.scheme === button.dataset.scheme ? undefined : button.dataset.scheme;
    for (const one of this.querySelectorAll("[data-scheme]")) {
      one.setAttribute("aria-pressed", String(one.dataset.scheme === this.scheme));
    }
    this.show();
  }
});
