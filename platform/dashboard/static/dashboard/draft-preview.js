// The widget on a draft: as it was just saved, with what the chat has cost; or two, asked the same.
const TOKENS_LAST = 8 * 60_000; // a preview's token is good for ten minutes

customElements.define("draft-preview", class extends HTMLElement {
  connectedCallback() {
    this.soFar = this.querySelector("[data-so-far]");
    this.look = this.looks();
    const reset = this.querySelector("[data-reset]");
    if (reset) reset.hidden = false;
    reset?.addEventListener("click", () => this.widget.reset());
    this.addEventListener("chat:message", ({ detail }) => this.tell(detail.conversation));
    this.addEventListener("chat:ready", ({ detail }) => this.tell(detail.conversation));
    const known = this.widget.store?.conversation; // it was ready before this script
    if (known) this.tell(known);
    // A laptop that slept longer than its token.
    this.addEventListener("chat:error", ({ detail }) => detail.code === "invalid_key" && this.tell(this.conversation));
    this.timer = setInterval(() => this.tell(this.conversation), TOKENS_LAST);
    const form = document.querySelector("form[hx-post]");
    this.watch = new MutationObserver(() => this.saved());
    if (form) this.watch.observe(form, { subtree: true, childList: true });
  }

  disconnectedCallback() {
    clearInterval(this.timer);
    this.watch.disconnect();
  }

  get widget() { return this.querySelector("chat-widget"); }

  looks() { return document.getElementById("look")?.textContent; }

  // Visitors' first screen has changed: the widget begins anew, in the same conversation.
  saved() {
    const look = this.looks();
    if (!look || look === this.look) return;
    this.look = look;
    this.widget.replaceWith(this.widget.cloneNode());
  }

  async tell(conversation) {
    this.conversation = conversation;
    const address = new URL(this.dataset.url, location);
    if (conversation) address.searchParams.set("conversation", conversation);
    const answer = await fetch(address);
    if (!answer.ok) return; // a chat without a message yet
    this.soFar.innerHTML = await answer.text();
    this.widget.setAttribute("preview", this.soFar.querySelector("[data-token]").dataset.token);
  }
});

// Whoever asks here asks the widgets inside, which have no box of their own, all at once.
customElements.define("ask-both", class extends HTMLElement {
  connectedCallback() {
    const form = this.querySelector("[data-ask]");
    const box = form.querySelector("textarea");
    const [send, stop] = form.querySelectorAll("[data-send], [data-stop]");
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!send.disabled && this.all((widget) => widget.send(box.value)).includes(true)) box.value = "";
    });
    form.addEventListener("keydown", (event) => {
      if (event.target !== box || event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    });
    form.addEventListener("click", ({ target }) => {
      if (target.matches("[data-stop]")) this.all((widget) => widget.stop());
      if (target.matches("[data-reset]")) this.all((widget) => widget.reset());
      if (!target.matches("[data-say]")) return;
      box.value = target.textContent;
      form.requestSubmit();
    });
    this.watch = new MutationObserver(() => {
      const busy = this.all((widget) => widget.getAttribute("state")).includes("streaming");
      send.disabled = busy;
      stop.hidden = !busy;
    });
    this.watch.observe(this, { subtree: true, attributeFilter: ["state"] });
  }

  disconnectedCallback() { this.watch.disconnect(); }

  all(act) { return [...this.querySelectorAll("chat-widget")].map(act); }
});

// A number that can be slid: one value, two hands.
customElements.define("number-slider", class extends HTMLElement {
  connectedCallback() {
    const number = this.querySelector("input[type=number]");
    const slider = document.createElement("input");
    Object.assign(slider, { type: "range", min: number.min, max: number.max, step: number.step, value: number.value });
    slider.setAttribute("aria-label", this.querySelector("label").textContent);
    number.classList.add("input-number");
    this.querySelector(".field-head").append(number);
    this.querySelector(".field").append(slider);
    slider.addEventListener("input", () => { number.value = slider.value; });
    number.addEventListener("input", () => { slider.value = number.value; });
  }
});
