// The one line above the composer: what is the matter, and what can be done about it.
import { el, say, set } from "./dom.js";

export class Notice {
  constructor(session) {
    this.session = session;
    this.text = el("span");
    this.more = el("small");
    this.action = el("button", { type: "button", hidden: true, onclick: () => this.act() });
    this.count = el("span", { class: "count", role: "timer", hidden: true });
    const words = el("span", { role: "status" }, this.text, this.more);
    this.node = el("div", { class: "notice", part: "notice", hidden: true }, words, this.count, this.action);
  }

  draw(store, say_) {
    const shown = notice(store, say_);
    set(this.node, "hidden", !shown);
    clearInterval(this.ticking);
    this.act = shown?.act?.bind(null, this.session) ?? (() => {});
    say(this.text, shown?.text ?? "");
    say(this.more, shown?.more ?? "");
    if (!shown) return;
    this.node.className = shown.bad ? "notice bad" : "notice";
    set(this.action, "hidden", !shown.action);
    say(this.action, shown.action ?? "");
    set(this.count, "hidden", !shown.until);
    if (shown.until) this.tick(shown.until);
  }

  tick(until) {
    const show = () => {
      const left = Math.max(0, Math.ceil((until - Date.now()) / 1000));
      say(this.count, `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`);
    };
    show();
    this.ticking = setInterval(show, 250);
  }
}

/** `{ text, more?, bad?, action?, act?, until? }`, or null when all is well. */
function notice(store, word) {
  if (store.phase === "closed") return { text: word(store.state), bad: true };
  if (store.phase === "offline") {
    return { text: word("offline"), more: word(store.asking ? "queued" : "offlineMore") };
  }
  if (store.phase === "reconnecting") {
    return { text: word("reconnecting"), more: word(store.asking ? "queued" : "reconnectingMore") };
  }
  return store.notice ? KINDS[store.notice.kind](store.notice, word) : null;
}

const TOLD = { input_too_long: "tooLong", server_overloaded: "busy" };

const KINDS = {
  // The owner's own texts come as strings of the session; of money visitors hear nothing.
  limited: ({ until }, word) => ({ text: word("rate_limited"), more: word("limitedMore"), until }),
  resting: (_, word) => ({ text: word("resting") }),
  failed: ({ answer, request }, word) => ({
    text: word("failed"),
    more: request ? word("request", { id: request }) : "",
    bad: true,
    action: word("retry"),
    act: (session) => session.questions.again(answer),
  }),
  told: ({ code }, word) => ({ text: word(TOLD[code] ?? "failed"), bad: true }),
};
