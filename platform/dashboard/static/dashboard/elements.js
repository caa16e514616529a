// Small behaviours as custom elements, without eval. Every page reads and every form works without.
const root = document.documentElement;
const isDark = () => getComputedStyle(root).colorScheme === "dark"
  || (!root.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);

// The cookie is read by the server, so the next page is painted right from its first byte.
customElements.define("theme-toggle", class extends HTMLElement {
  connectedCallback() {
    const button = this.querySelector("button");
    button.hidden = false;
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      const secure = location.protocol === "https:" ? "; Secure" : "";
      document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; SameSite=Lax${secure}`;
    });
  }
});

customElements.define("copy-button", class extends HTMLElement {
  connectedCallback() {
    const button = this.querySelector("button");
    button.hidden = false;
    button.addEventListener("click", async () => {
      const { of, text } = this.dataset;
      await navigator.clipboard.writeText(of ? document.getElementById(of).textContent.trim() : text);
      this.say(button, button.querySelector("span"));
    });
  }

  say(button, word) {
    const before = word ? word.textContent : button.getAttribute("aria-label");
    const tell = (text) => (word ? word.textContent = text : button.setAttribute("aria-label", text));
    button.dataset.done = "";
    tell(this.dataset.done || "Copied");
    setTimeout(() => { tell(before); delete button.dataset.done; }, 1500);
  }
});

const lang = root.lang || "en";
const near = new Intl.RelativeTimeFormat(lang, { numeric: "auto", style: "narrow" });
const UNITS = [[60, "second", 1], [3600, "minute", 60], [86400, "hour", 3600]];

customElements.define("time-ago", class extends HTMLElement {
  connectedCallback() {
    this.time = this.querySelector("time");
    this.timer = setInterval(() => this.show(), 15_000);
  }

  disconnectedCallback() { clearInterval(this.timer); }

  show() {
    const seconds = Math.max(0, (Date.now() - Date.parse(this.time.dateTime)) / 1000);
    const unit = UNITS.find(([end]) => seconds < end);
    if (unit) this.time.textContent = near.format(-Math.floor(seconds / unit[2]), unit[1]);
  }
});

// A key that is shown once: it can be put away when its reader says that they have it.
customElements.define("key-reveal", class extends HTMLElement {
  connectedCallback() {
    history.replaceState(null, "", this.dataset.then || location.href); // a reload sends nothing again
    const saved = this.querySelector("input[type=checkbox]");
    const done = this.querySelector("[data-done]");
    const allow = () => done.toggleAttribute("aria-disabled", !saved.checked);
    saved.addEventListener("change", allow);
    done.addEventListener("click", (event) => { if (!saved.checked) { event.preventDefault(); saved.focus(); } });
    this.closest("dialog")?.addEventListener("cancel", (event) => { if (!saved.checked) event.preventDefault(); });
    allow();
  }
});

// A dialog that the server has opened (a form with errors) becomes modal, as if it had been opened here.
for (const dialog of document.querySelectorAll("dialog[data-modal]")) {
  dialog.close();
  dialog.showModal();
  dialog.querySelector("[autofocus]")?.focus();
}

// Browsers without invoker commands.
if (!("command" in HTMLButtonElement.prototype)) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[commandfor]");
    if (!button) return;
    const dialog = document.getElementById(button.getAttribute("commandfor"));
    if (button.getAttribute("command") === "show-modal") dialog.showModal(); else dialog.close();
  });
}

// A page that nobody looks at asks the server nothing: `hx-trigger="every …"` rests while it is hidden.
document.addEventListener("every", (event) => { if (document.hidden) event.stopImmediatePropagation(); }, true);

// A select that says so sends its form at once; its button is for those without this file.
for (const form of document.querySelectorAll("form[data-sends]")) {
  form.querySelector("[data-unless-script]")?.remove();
  for (const control of form.elements) control.addEventListener("change", () => form.requestSubmit());
}

// Rows of choices that are longer than a phone is wide begin at the one that is chosen.
for (const chosen of document.querySelectorAll(":is(.switch, .tabs) > [aria-current]")) {
  const row = chosen.parentElement;
  if (row.scrollWidth > row.clientWidth) chosen.scrollIntoView({ block: "nearest", inline: "nearest" });
}
