// Events of answers become messages. Numbers decide: what was seen once is never added again.
import { item, measured, source, textOf } from "./items.js";

export class Answers {
  constructor(store, emit) {
    this.store = store;
    this.emit = emit;
    this.seen = new Map(); // response id → the last sequence_number
    this.stopping = new Set();
    this.ignored = new Set(); // of conversations that were left
  }

  ignore(id) {
    if (id) this.ignored.add(id);
  }

  /** Where to go on after a lost connection. */
  get resume() {
    const id = this.store.active;
    return id ? { response_id: id, starting_after: this.seen.get(id) ?? -1 } : undefined;
  }

  /** Its events follow from the first one: whatever we have of it is told again. */
  follow(id) {
    if (this.store.active === id) return;
    this.seen.delete(id);
    const known = this.of(id);
    if (known) Object.assign(known, { text: "", status: "in_progress" });
    this.store.change({ active: id });
  }

  of(responseId, itemId) {
    const answers = this.store.items.filter((one) => one.role === "assistant");
    return (
      answers.find((one) => one.responseId === responseId) ??
      (itemId ? answers.find((one) => one.id === itemId) : undefined)
    );
  }

  take(frame) {
    const id = frame.response?.id ?? frame.response_id ?? this.store.active;
    if (!id || this.ignored.has(id) || this.isStray(id, frame)) return;
    if (frame.type === "response.snapshot") {
      this.seen.set(id, frame.sequence_number);
      this.replace(id, frame.response);
      return;
    }
    const last = this.seen.get(id) ?? -1;
    if (frame.sequence_number <= last) return;
    this.seen.set(id, frame.sequence_number);
    EVENTS[frame.type]?.call(this, id, frame);
  }

  /** Nobody here asked for it; or text of another answer, which names no response. */
  isStray(id, { type, item_id: itemId }) {
    const answer = this.of(id);
    if (type === "response.created") {
      const expected = answer || this.store.asking || this.store.active === id;
      if (!expected) this.ignore(id);
      return !expected;
    }
    return type.includes("output_text") && answer?.id && itemId && answer.id !== itemId;
  }

  begun(id, itemId) {
    const known = this.of(id, itemId);
    if (known) {
      known.responseId = id;
      return known;
    }
    const answer = item({ role: "assistant", status: "in_progress", responseId: id });
    this.store.change({ items: [...this.store.items, answer] });
    return answer;
  }

  /** An answer that was not announced is the one that we have asked for. */
  open(id) {
    const isOurs = this.store.active !== id;
    this.store.change({ active: id });
    this.emit("began", { id, isOurs });
  }

  replace(id, response) {
    const answer = this.begun(id);
    this.open(id);
    this.fill(answer, response);
    if (response.status === "in_progress" || response.status === "queued") {
      answer.status = "in_progress";
    } else this.end(id, response);
  }

  fill(answer, response) {
    const message = (response.output ?? []).find((one) => one.type === "message");
    if (!message) return;
    answer.id = message.id ?? answer.id;
    answer.text = textOf(message.content);
    const cited = message.content.flatMap?.((part) => part.annotations ?? []) ?? [];
    if (cited.length) answer.sources = distinct(cited.map(source));
  }

  end(id, response) {
    const answer = this.begun(id);
    this.fill(answer, response);
    answer.status = this.stopping.delete(id) ? "stopped" : STATUS[response.status] ?? "failed";
    answer.why = response.incomplete_details?.reason ?? response.error?.code ?? null;
    answer.request = response.metadata?.request_id ?? null;
    answer.reading = measured(response);
    const { active } = this.store;
    this.store.change({ active: active === id ? null : active });
    this.emit("ended", { answer, response });
  }
}

const STATUS = { completed: "completed", incomplete: "incomplete", cancelled: "stopped", failed: "failed" };

const EVENTS = {
  "response.created"(id) {
    this.begun(id);
    this.open(id);
  },
  "response.output_item.added"(id, frame) {
    if (frame.item?.type === "message") this.begun(id, frame.item.id).id = frame.item.id;
  },
  "response.output_text.delta"(id, frame) {
    const answer = this.begun(id, frame.item_id);
    if (answer.status !== "in_progress") return; // the whole text came by another road
    answer.text += frame.delta;
    this.store.change();
    this.emit("delta", { text: frame.delta, response_id: id });
  },
  "response.output_text.annotation.added"(id, frame) {
    const answer = this.begun(id, frame.item_id);
    answer.sources = distinct([...answer.sources, source(frame.annotation, answer.sources.length)]);
    this.store.change();
  },
  "response.output_text.done"(id, frame) {
    const answer = this.begun(id, frame.item_id);
    if (answer.status === "in_progress" && typeof frame.text === "string") answer.text = frame.text;
    this.store.change();
  },
  "response.function_call_arguments.done"(id, frame) {
    const { name, arguments: given, item_id, call_id } = frame;
    this.emit("tool", { name, arguments: given, item_id, call_id, response_id: id });
  },
  "response.completed": ended,
  "response.incomplete": ended,
  "response.failed": ended,
};

function ended(id, frame) {
  this.end(id, frame.response);
}

/** Each source once. */
function distinct(sources) {
  const found = [];
  for (const one of sources) {
    if (!found.some((other) => other.id && other.id === one.id)) found.push(one);
  }
  return found;
}
