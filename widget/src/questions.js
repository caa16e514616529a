// A question on its way: kept until the server has it, sent again under its own name, given back.
import { item } from "./items.js";

const RESTING = new Set(["budget_exhausted", "insufficient_balance"]);
const AGAIN = 2_000;

export class Questions {
  /** `say(frame)` sends, or does not while there is no connection. */
  constructor({ store, memory, emit, say }) {
    Object.assign(this, { store, memory, emit, say });
    this.context = {};
    const asking = memory.get("asking"); // left behind by a page that went before it was sent
    if (asking?.eventId && asking.text) this.queue(asking);
  }

  /** False when it cannot be taken now: empty, too long, or another one is on its way. */
  ask(text, more) {
    const said = text.trim();
    const { store } = this;
    if (!said || store.busy || ["limited", "resting"].includes(store.notice?.kind)) return false;
    if (store.phase === "closed" || (store.most && said.length > store.most)) return false;
    this.queue({ eventId: `w-${crypto.randomUUID?.() ?? random()}`, text: said, ...more });
    this.memory.keep();
    store.change({ notice: null, draft: "" });
    this.emit("message", { role: "user", text: said });
    this.flush();
    return true;
  }

  queue(asking) {
    const { store } = this;
    this.memory.set({ asking });
    const { eventId, text } = asking;
    const said = item({ role: "user", text, eventId, status: "queued" });
    store.change({ asking, items: [...store.items, said] });
  }

  flush() {
    const { asking, phase, conversation } = this.store;
    if (!asking || phase !== "ready") return;
    const metadata = Object.keys(this.context).length ? this.context : undefined;
    this.say({
      type: "response.create",
      event_id: asking.eventId,
      input: asking.text,
      replaces: asking.replaces,
      conversation: conversation ?? undefined,
      metadata,
    });
  }

  /** The conversation that the server lists holds it already. */
  recognise() {
    const { asking, items } = this.store;
    const said = asking && items.find((one) => one.eventId === asking.eventId);
    if (said?.responseId) this.arrived(said.responseId);
  }

  /** The server has it: `id` is its answer. */
  arrived(id) {
    const { asking, items } = this.store;
    if (!asking) return;
    const said = items.find((one) => one.eventId === asking.eventId);
    if (said) Object.assign(said, { status: "completed", responseId: id });
    this.memory.set({ asking: null });
    this.store.change({ asking: null });
  }

  /** A message that has not left returns to where it was written. */
  takeBack() {
    const { asking, items, draft } = this.store;
    if (!asking) return;
    this.memory.set({ asking: null });
    const others = items.filter((one) => one.eventId !== asking.eventId);
    this.store.change({ asking: null, items: others, draft: draft || asking.text });
  }

  /** Ask the question before `answer` once more; what failed makes room for it. */
  again(answer) {
    const { store } = this;
    const at = store.items.indexOf(answer);
    const asked = store.items.slice(0, at).findLast((one) => one.role === "user");
    if (at < 0 || !asked || store.busy) return;
    const { draft } = store;
    const id = answer.status !== "completed" && answer.responseId;
    if (id) store.items = store.items.filter((one) => one !== answer && one !== asked);
    store.notice = null;
    this.ask(asked.text, id && { eventId: `again-${id}`, replaces: id }); // of two tabs, one asks
    store.change({ draft });
  }

  refused({ event_id: eventId, error: { code, message, retry_after: wait } = {} }) {
    const { store } = this;
    const mine = store.asking && eventId === store.asking.eventId;
    if (code === "response_in_progress" && mine) {
      setTimeout(() => this.flush(), AGAIN); // another tab asks: ours goes next
      return;
    }
    if (mine) this.takeBack();
    if (code === "rate_limited") this.limited(wait ?? 10);
    else if (RESTING.has(code)) store.change({ notice: { kind: "resting" } });
    else if (mine) store.change({ notice: { kind: "told", code } });
    this.emit("error", { code, message });
  }

  limited(seconds) {
    clearTimeout(this.limit);
    this.limit = setTimeout(() => {
      if (this.store.notice?.kind === "limited") this.store.change({ notice: null });
    }, seconds * 1000);
    this.store.change({ notice: { kind: "limited", until: Date.now() + seconds * 1000 } });
  }
}

/** `randomUUID` is only there in secure contexts; a page of plain HTTP has these. */
function random() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (one) => one.toString(36)).join("");
}
