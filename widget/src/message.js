// One message on the page: a question, or an answer with its sources and what can be done with it.
import { el, say, set, tool, icon } from "./dom.js";
import { paint } from "./markdown.js";

/** The node of a message; `node.draw(item, context)` brings it up to date. */
export function message(item, context) {
  return item.role === "user" ? question(context) : answer(context);
}

function question({ word }) {
  const words = el("div", { class: "words", dir: "auto" });
  const state = el("small", { class: "cut-off", hidden: true }, word("waiting"));
  const node = el("div", { class: "asked" }, el("span", { class: "unseen" }, word("you")), words, state);
  words.classList.add("said");
  node.draw = (item) => {
    say(words, item.text);
    set(state, "hidden", item.status !== "queued" || !item.late);
  };
  return node;
}

function answer(context) {
  const { word } = context;
  const body = el("div", { class: "words", dir: "auto" });
  const cites = el("p", { class: "cites", hidden: true });
  const end = el("p", { class: "cut-off", hidden: true });
  const quote = el("aside", { class: "source", hidden: true });
  const tools = el("div", { class: "after", hidden: true });
  const reading = el("div", { class: "reading", hidden: true });
  const node = el("div", { class: "answer", part: "message" }, body, cites, end, quote, tools, reading);
  let drawn = "";
  let bar = null;
  let comment = null;

  node.draw = (item, isLast) => {
    const live = item.status === "in_progress";
    const print = JSON.stringify([item.text, item.status, item.sources, item.feedback, isLast, item.reading]);
    if (print === drawn) return;
    drawn = print;
    node.classList.toggle("live", live);
    set(node, "aria-live", live ? "off" : null); // whole sentences are announced elsewhere
    set(node, "aria-busy", live ? "true" : null);
    const open = (source, button) => toggle(quote, source, button, context);
    const cite = (number) => {
      const source = item.sources.find((one) => one.number === number);
      return source ? citation(source, open, word) : null;
    };
    paint(body, item.text, { cite, live, cited: item.sources.length });
    const used = new Set([...body.querySelectorAll("cite")].map((one) => Number(one.textContent)));
    const others = live ? [] : item.sources.filter((one) => !used.has(one.number));
    cites.replaceChildren(...others.map((source) => citation(source, open, word)));
    set(cites, "hidden", !others.length);
    const ending = ENDINGS[item.why === "max_output_tokens" ? item.why : item.status];
    set(end, "hidden", !ending);
    say(end, ending ? word(ending) : "");
    const actable = !live && item.text && item.status !== "failed";
    if (actable && !bar) {
      bar = actions(item, context, () => comment.show());
      comment = commented(item, context);
      tools.append(...bar.nodes);
      node.insertBefore(comment.node, reading);
    }
    set(tools, "hidden", !actable);
    bar?.draw(item, isLast);
    reading.replaceChildren(...measures(item.reading));
    set(reading, "hidden", !item.reading);
  };
  return node;
}

const ENDINGS = {
  stopped: "stopped",
  incomplete: "cutOff",
  failed: "cutOff",
  max_output_tokens: "tooLongAnswer",
};

function citation(source, open, word) {
  const label = word("source", { n: source.number, name: source.name });
  const button = el(
    "button",
    { type: "button", "aria-label": label, title: source.name, "aria-expanded": "false" },
    String(source.number),
  );
  button.addEventListener("click", () => open(source, button));
  return el("cite", {}, button);
}

function toggle(quote, source, button, { word }) {
  const opened = button.getAttribute("aria-expanded") === "true";
  const root = quote.parentNode;
  for (const other of root.querySelectorAll("cite button")) set(other, "aria-expanded", "false");
  set(button, "aria-expanded", String(!opened));
  set(quote, "hidden", opened);
  const page = source.page ? word("page", { n: source.page }) : null;
  const name = [source.name, page].filter(Boolean).join(", ");
  quote.replaceChildren(el("b", {}, name), source.text ? el("p", { dir: "auto" }, source.text) : "");
}

function actions(item, { session, word }, askWhy) {
  const copy = tool(word("copy"), "copy", async () => {
    if (!(await copied(item.text))) return;
    copy.replaceChildren(icon("done"));
    set(copy, "aria-label", word("copied"));
    setTimeout(() => {
      copy.replaceChildren(icon("copy"));
      set(copy, "aria-label", word("copy"));
    }, 1500);
  });
  const rate = (rating) => () => {
    const taken = item.feedback === rating ? null : rating;
    session.rate(item, taken);
    if (taken === "down") askWhy();
  };
  const up = tool(word("good"), "up", rate("up"));
  const down = tool(word("bad"), "down", rate("down"));
  const again = tool(word("again"), "again", () => session.questions.again(item));
  return {
    nodes: [copy, up, down, again],
    draw({ feedback, id }, isLast) {
      set(up, "hidden", !id);
      set(down, "hidden", !id);
      set(up, "aria-pressed", String(feedback === "up"));
      set(down, "aria-pressed", String(feedback === "down"));
      set(again, "hidden", !isLast);
    },
  };
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // the page or the browser does not allow it
  }
}

/** After a thumb down: what was wrong, if the visitor likes to say so. */
function commented(item, { session, word }) {
  const box = el("input", { type: "text", maxlength: "2000", "aria-label": word("comment"), placeholder: word("comment") });
  const node = el("form", { class: "comment", hidden: true }, box, el("button", { type: "submit" }, word("send")));
  node.addEventListener("submit", (event) => {
    event.preventDefault();
    event.stopPropagation();
    if (box.value.trim()) session.rate(item, "down", box.value.trim());
    node.replaceChildren(el("p", { class: "cut-off", role: "status" }, word("thanks")));
  });
  return {
    node,
    show() {
      set(node, "hidden", false);
      box.focus();
    },
  };
}

function measures(reading) {
  if (!reading) return [];
  const part = (value, unit) => value != null && el("span", {}, el("b", {}, String(value)), unit);
  const cost = reading.cost == null ? null : `$${String(reading.cost).replace(/^\$/, "")}`;
  return [
    part(reading.input, " in"),
    part(reading.output, " out"),
    part(cost, ""),
    part(reading.firstMs, " ms"),
    reading.request && el("span", {}, reading.request),
  ].filter(Boolean);
}
