// A visitor's session: what is said to the server, and what its frames change in the store.
import { Answers } from "./answers.js";
import { Connection } from "./connection.js";
import { fromServer, joined, merged } from "./items.js";
import { Questions } from "./questions.js";
import { VERSION } from "./version.js";

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
    this.renewed = false;
    store.conversation = memory.get("conversation") ?? null;
    const say = (frame) => this.connection.send(frame);
    this.questions = new Questions({ store, memory, emit, say });
  }

  open() {
    this.connection.open();
  }

  close() {
    this.connection.close();
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

  stop() {
    const { active, asking, phase } = this.store;
    if (active) {
      this.answers.stopping.add(active);
      this.connection.send({ type: "response.cancel", response_id: active });
    } else if (asking && phase === "ready") this.stopSoon = true;
    else this.questions.takeBack();
  }

  fresh() {
    const { store } = this;
    this.stop();
    this.answers.ignore(store.active);
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
    const { store } = this;
    this.memory.forget();
    this.answers.ignore(store.active); // what is being written is for whoever asked
    this.stopSoon = false;
    store.change({ items: [], conversation: null, asking: null, active: null, more: false, notice: null });
    if (store.phase === "ready") this.connection.send(this.hello());
    else if (store.phase === "closed") this.connection.retry();
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

  knowConversation({ id, items, has_more: more }) {
    const { store } = this;
    const all = merged(store.items, (items ?? []).map(fromServer));
    const isFirst = all[0]?.id === items?.[0]?.id; // else we hold earlier ones, and know
    store.change({ conversation: id, items: all, more: isFirst ? more : store.more });
    this.memory.set({ conversation: id });
  }

  /** What the answers tell: an end frees the composer, a beginning acknowledges the question. */
  heard(name, detail) {
    if (name === "began") this.begin(detail.id, detail.isOurs);
    else if (name === "ended") this.finish(detail);
    else this.emit(name, detail);
  }

  begin(id, isOurs) {
    if (isOurs) this.questions.arrived(id);
    if (this.stopSoon) this.stop();
    this.stopSoon = false;
  }

  finish({ answer, response }) {
    this.questions.flush(); // one that waited for this answer
    this.judge(answer);
    const { id, text, status, responseId } = answer;
    this.emit("message", {
      role: "assistant", id, text, status, response_id: responseId,
      conversation: this.store.conversation, usage: response.usage,
    });
  }

  /** An answer that went with its server's process is asked for again, once, without a word. */
  judge(answer) {
    if (answer.status !== "failed") return;
    if (answer.why === "server_error" && answer.responseId === this.returnedTo) {
      this.questions.again(answer);
    } else this.store.change({ notice: { kind: "failed", answer, request: answer.request } });
  }

  /** The list says how the answer ended that we were reading. */
  settle(stillActive) {
    const { active } = this.store;
    const answer = active && this.answers.of(active);
    if (!active || stillActive || (answer && answer.status === "in_progress")) return;
    this.store.change({ active: null });
    if (answer) this.judge(answer);
  }

  /** The answer is not there any more. Where all of the conversation is gone, what we have of it is
   * what there is. */
  giveUp() {
    const { store } = this;
    const id = this.returnedTo ?? store.active;
    this.returnedTo = null;
    if (this.goesOn) return void this.forget(id);
    const answer = this.answers.of(id);
    if (answer?.status === "in_progress") answer.status = "incomplete";
    store.change({ active: null });
  }

  /** Question and answer are not there any more: another tab has asked for them anew. */
  forget(id) {
    const { store } = this;
    this.answers.ignore(id);
    store.change({
      items: store.items.filter((one) => one.responseId !== id),
      active: store.active === id ? null : store.active,
      notice: store.notice?.kind === "failed" ? null : store.notice,
    });
  }
}

const CLOSED = { 4401: "invalid_key", 4403: "origin_not_allowed", 4404: "chatbot_unavailable" };

const FRAMES = {
  "session.created"({ session }) {
    this.connection.settled();
    this.renewed = false;
    this.returnedTo = this.store.active;
    this.goesOn = session.conversation.items.length > 0;
    this.know(session);
    this.questions.recognise();
    this.store.change({ phase: "ready", most: session.limits?.input_characters ?? null });
    this.settle(session.active_response);
    if (session.active_response) this.answers.follow(session.active_response);
    if (this.fresher) this.connection.send({ type: "conversation.create" });
    this.fresher = false;
    this.questions.flush();
    this.emit("ready", { chatbot: session.chatbot, conversation: session.conversation.id });
  },
  "session.updated"({ session }) {
    const { store } = this;
    const replaced = session.conversation?.items; // else what is shown stays
    if (replaced) store.items = store.items.filter((one) => one.status === "queued");
    this.know(session);
  },
  "session.closing"(frame) {
    this.connection.expect(frame.reconnect_after_ms);
  },
  "conversation.item.added"({ item: given, response_id: responseId, replaces }) {
    if (replaces) this.forget(replaces);
    this.store.change({ items: joined(this.store.items, fromServer(given), responseId) });
    this.questions.recognise();
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
    const code = frame.error?.code;
    if (code === "response_not_found") this.giveUp();
    if (code === "conversation_not_found") this.memory.set({ conversation: null });
    this.questions.refused(frame);
  },
};
