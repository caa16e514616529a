// Beside the form of a draft: the widget shows it as it was just saved, and what the chat has cost.
const TOKENS_LAST = 8 * 60_000; // a preview's token is good for ten minutes

customElements.define("draft-preview", class extends HTMLElement {
  connectedCallback() {
    this.soFar = this.querySelector("[data-so-far]");
    this.look = this.looks();
    const reset = this.querySelector("[data-reset]");
    reset.hidden = false;
    reset.addEventListener("click", () => this.widget.reset());
    this.addEventListener("chat:message", ({ detail }) => this.tell(detail.conversation));
    this.addEventListener("chat:ready", ({ detail }) => this.tell(detail.conversation));
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
    const asked = conversation ? `?conversation=${encodeURIComponent(conversation)}` : "";
    const answer = await fetch(this.dataset.url + asked);
    if (!answer.ok) return; // a chat without a message yet
    this.soFar.innerHTML = await answer.text();
    this.widget.setAttribute("preview", this.soFar.querySelector("[data-token]").dataset.token);
  }
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
