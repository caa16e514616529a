// A visitor's session: what is said to the server, and what its frames change in the store.
import { Answers } from "./answers.js";
import { Connection } from "./connection.js";
import { fromServer, item, joined, merged } from "./items.js";
import { VERSION } from "./version.js";

const RESTING = new Set(["budget_exhausted", "insufficient_balance"]);
const LOST = new Set(["server_restarted", "lost", "process_lost", "server_error"]);

export class Session {
  /** `who()`: key, user_token, preview, locale. `emit(name, detail)`: what the page may hear. */
  constructor({ url, store, memory, who, emit }) {
    Object.assign(this, { store, memory, who, emit });
    this.answers = new Answers(store, (name, detail) => this.heard(name, detail));
    this.connection = new Connection(url, {
      hello: () => this.hello(),
      onFrame: (frame) => this.take(frame),
      onPhase: (phase, code) => this.phase(phase, code),
    });
    this.context = {};
    this.renewed = false;
    this.restore();
  }

  open() {
    this.connection.open();
  }

  close() {
    clearTimeout(this.limit);
    this.connection.close();
  }

  /** A question that was not sent before the page was left is sent by the next one. */
  restore() {
    this.store.conversation = this.memory.get("conversation") ?? null;
    const asking = this.memory.get("asking");
    if (asking?.eventId && asking.text) this.queue(asking);
  }

  // ---- to the server

  hello() {
    const { store, memory } = this;
    const page = { origin_path: location.pathname.slice(0, 2048), title: document.title.slice(0, 512) };
    return {
      type: "session.update",
      session: {
        ...this.who(),
        visitor_token: memory.get("token") ?? undefined,
        conversation: store.conversation ?? undefined,
        resume: this.answers.resume,
        page,
        client: `widget/${VERSION}`,
      },
    };
  }

  /** False when it cannot be taken now: empty, too long, or another one is on its way. */
  send(text) {
    const said = text.trim();
    const { store } = this;
    if (!said || store.busy || ["limited", "resting"].includes(store.notice?.kind)) return false;
    if (store.phase === "closed" || (store.most && said.length > store.most)) return false;
    this.queue({ eventId: `w-${crypto.randomUUID?.() ?? random()}`, text: said });
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
    this.connection.send({
      type: "response.create",
      event_id: asking.eventId,
      input: asking.text,
      conversation: conversation ?? undefined,
      metadata,
    });
  }

  stop() {
    const { active, asking, phase } = this.store;
    if (active) {
      this.answers.stopping.add(active);
      this.connection.send({ type: "response.cancel", response_id: active });
    } else if (asking && phase === "ready") this.stopSoon = true;
    else if (asking) this.takeBack();
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
    const asked = store.items.slice(0, at < 0 ? undefined : at).findLast((one) => one.role === "user");
    if (!asked || store.busy) return;
    if (answer?.status !== "completed") {
      store.items = store.items.filter((one) => one !== answer && one !== asked);
    }
    store.notice = null;
    this.send(asked.text);
  }

  fresh() {
    const { store } = this;
    this.stop();
    this.memory.set({ conversation: null, asking: null });
    const kept = store.notice?.kind === "limited" ? store.notice : null;
    store.change({ items: [], conversation: null, asking: null, active: null, more: false, notice: kept });
    this.fresher = !this.connection.send({ type: "conversation.create" });
  }

  earlier() {
    const first = this.store.items.find((one) => one.id);
    if (first) this.connection.send({ type: "conversation.items.list", before: first.id, limit: 30 });
  }

  rate(answer, rating, comment) {
    answer.feedback = rating;
    this.connection.send({ type: "feedback.create", item_id: answer.id, rating, comment });
    this.store.change();
    this.emit("feedback", { item_id: answer.id, rating, comment });
  }

  /** The page says who its visitor is: another person has other conversations. */
  identify() {
    this.memory.forget();
    const { items, conversation, active } = { items: [], conversation: null, active: null };
    this.store.change({ items, conversation, active });
    if (this.store.phase === "ready") this.connection.send(this.hello());
    else if (this.store.phase === "closed") this.connection.retry();
  }

  // ---- from the server

  take(frame) {
    if (frame.type.startsWith("response.")) this.answers.take(frame);
    else FRAMES[frame.type]?.call(this, frame);
  }

  phase(phase, code = 0) {
    if (phase === "closed" && code === 4401 && this.memory.get("token") && !this.renewed) {
      this.renewed = true; // an old token: once more without it, and nobody notices
      this.memory.set({ token: null });
      this.connection.retry();
      return;
    }
    this.store.change({ phase, closedBy: phase === "closed" ? code : 0 });
    if (phase === "closed") this.emit("error", { code: CLOSED[code] ?? "closed", message: "" });
  }

  know({ visitor_token: token, expires_at: expires, chatbot, conversation }) {
    if (token) this.memory.set({ token, expires });
    if (chatbot) this.store.change({ bot: chatbot });
    if (conversation) this.knowConversation(conversation);
  }

  knowConversation({ id, items }) {
    const { store } = this;
    store.change({
      conversation: id,
      items: merged(store.items, (items ?? []).map(fromServer)),
      more: store.more || (items ?? []).length >= 30,
    });
    this.memory.set({ conversation: id });
  }

  /** What the answers tell: an end frees the composer, a beginning acknowledges the question. */
  heard(name, detail) {
    if (name === "began") this.acknowledge(detail.id);
    else if (name === "ended") this.finish(detail);
    else this.emit(name, detail);
  }

  acknowledge(id) {
    const { asking, items } = this.store;
    if (asking) {
      const said = items.find((one) => one.eventId === asking.eventId);
      if (said) Object.assign(said, { status: "completed", responseId: id });
      this.memory.set({ asking: null });
      this.store.change({ asking: null });
    }
    if (this.stopSoon) this.stop();
    this.stopSoon = false;
  }

  finish({ answer, response }) {
    this.judge(answer);
    const { id, text, status, responseId } = answer;
    this.emit("message", {
      role: "assistant", id, text, status, response_id: responseId,
      conversation: this.store.conversation, usage: response.usage,
    });
    this.flush();
  }

  /** An answer that was lost with its process is asked for again, once, without a word. */
  judge(answer) {
    const lost = answer.status === "failed" && LOST.has(answer.why) && !this.repeated;
    this.repeated = lost;
    if (lost) this.again(answer);
    else if (answer.status === "failed") {
      this.store.change({ notice: { kind: "failed", answer, request: answer.request } });
    }
  }

  /** The list says how the answer ended that we were reading. */
  settle(stillActive) {
    const { active } = this.store;
    const answer = active && this.answers.of(active);
    if (!active || stillActive || (answer && answer.status === "in_progress")) return;
    this.store.change({ active: null });
    if (answer) this.judge(answer);
  }

  refuse(frame) {
    const { code, message, retry_after: wait } = frame.error ?? {};
    const { store } = this;
    const mine = store.asking && frame.event_id === store.asking.eventId;
    if (code === "response_in_progress" && mine) {
      setTimeout(() => this.flush(), 2000); // another tab asks: ours goes next
      return;
    }
    if (code === "response_not_found") this.giveUp();
    if (mine) this.takeBack();
    if (code === "rate_limited") this.limited(wait ?? 10);
    else if (RESTING.has(code)) store.change({ notice: { kind: "resting" } });
    else if (code === "conversation_not_found") this.memory.set({ conversation: null });
    else if (mine) store.change({ notice: { kind: "told", code } });
    this.emit("error", { code, message });
  }

  /** Nobody knows the answer any more: what we have of it is what there is. */
  giveUp() {
    const answer = this.answers.of(this.store.active);
    if (answer?.status === "in_progress") answer.status = "incomplete";
    this.store.change({ active: null });
  }

  limited(seconds) {
    const until = Date.now() + seconds * 1000;
    clearTimeout(this.limit);
    this.limit = setTimeout(() => {
      if (this.store.notice?.kind === "limited") this.store.change({ notice: null });
    }, seconds * 1000);
    this.store.change({ notice: { kind: "limited", until } });
  }
}

const CLOSED = { 4401: "invalid_key", 4403: "origin_not_allowed", 4404: "chatbot_unavailable" };

const FRAMES = {
  "session.created"({ session }) {
    this.connection.settled();
    this.renewed = false;
    this.know(session);
    this.store.change({ phase: "ready", most: session.limits?.input_characters ?? null });
    this.settle(session.active_response);
    if (session.active_response) this.answers.follow(session.active_response);
    if (this.fresher) this.connection.send({ type: "conversation.create" });
    this.fresher = false;
    this.flush();
    this.emit("ready", { chatbot: session.chatbot, conversation: session.conversation.id });
  },
  "session.updated"({ session }) {
    this.know(session);
  },
  "session.closing"(frame) {
    this.connection.expect(frame.reconnect_after_ms);
  },
  "conversation.item.added"({ item: given, response_id: responseId }) {
    this.store.change({ items: joined(this.store.items, fromServer(given), responseId) });
    if (responseId) this.answers.follow(responseId);
  },
  "conversation.items.listed"({ items, has_more: more }) {
    const { store } = this;
    const earlier = items.map(fromServer).filter((one) => !store.items.some((own) => own.id === one.id));
    store.change({ items: [...earlier, ...store.items], more });
  },
  "feedback.created"({ item_id: id, rating }) {
    const answer = this.store.items.find((one) => one.id === id);
    if (answer) answer.feedback = rating;
    this.store.change();
  },
  error(frame) {
    this.refuse(frame);
  },
};

/** `randomUUID` is only there in secure contexts; a page of plain HTTP has these. */
function random() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (one) => one.toString(36)).join("");
}
