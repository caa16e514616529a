// What is known now. Whoever changes it says so; whoever draws it is told once a turn of the loop.
export class Store {
  constructor() {
    this.listeners = new Set();
    this.bot = null;
    this.phase = "idle"; // idle, connecting, ready, reconnecting, offline, closed
    this.closedBy = 0; // the close code, once closed
    this.conversation = null;
    this.items = []; // see items.js
    this.asking = null; // the question that waits for its answer to begin: { eventId, text }
    this.active = null; // id of the answer that is being written
    this.notice = null; // { kind: limited | resting | failed | told, … }
    this.most = null; // characters of a message
    this.more = false; // are there earlier messages?
    this.unread = 0;
    this.draft = "";
    this.due = false;
  }

  change(values = {}) {
    Object.assign(this, values);
    if (this.due) return;
    this.due = true;
    queueMicrotask(() => {
      this.due = false;
      for (const listener of this.listeners) listener(this);
    });
  }

  get busy() {
    return Boolean(this.active || this.asking);
  }

  get loading() {
    return !this.bot && this.phase !== "closed";
  }

  /** One word for the whole: the host element's `state`. */
  get state() {
    if (this.phase === "closed") return CLOSED[this.closedBy] ?? "refused";
    if (this.phase === "offline" || this.phase === "reconnecting") return this.phase;
    if (this.loading) return "loading";
    if (this.notice && this.notice.kind !== "told") return this.notice.kind;
    return this.busy ? "streaming" : "ready";
  }
}

const CLOSED = { 4401: "key", 4403: "refused", 4404: "paused" };
