// The inside of a line: emphasis, code, links, citations. One pass, each character read once or twice.
import { el } from "./dom.js";

const SAFE = new Set(["http:", "https:", "mailto:"]);
const LINK = /\[((?:[^[\]\\]|\\.)*)\]\(\s*<?([^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*)>?(?:\s+"[^"]*")?\s*\)/y;
const HALF_LINK = /\[((?:[^[\]\\]|\\.)*)\]\([^\s)]*$/y;
const NUMBER = /\[(\d{1,3})\]/y;
const ADDRESS = /https?:\/\/[^\s<>"'`\\]+/y;
const MARKS = ["**", "__", "~~", "*", "_"];
const NAMES = { "**": "strong", "__": "strong", "~~": "del", "*": "em", "_": "em" };
const WORD = /[\p{L}\p{N}]/u;

/** Nodes for one run of text. `how`: cite, live, as in markdown.js. */
export function inline(text, how) {
  return new Line(text, how).nodes();
}

/** An address that may become a link: absolute, and of a kind that runs no script. */
export function safe(address) {
  try {
    const url = new URL(address);
    return SAFE.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

export function link(address, ...kids) {
  return el("a", { href: address, rel: "noopener noreferrer nofollow", target: "_blank" }, ...kids);
}

class Line {
  constructor(text, how) {
    this.text = text;
    this.how = how;
    this.at = 0;
    this.plain = "";
    this.made = [];
    this.unclosed = new Set(); // marks without an end from here on: never searched for twice
  }

  nodes() {
    while (this.at < this.text.length) {
      const step = STEPS[this.text[this.at]];
      if (!(step && step(this))) this.take(this.text[this.at]);
    }
    this.flush();
    return this.made;
  }

  take(text, length = text.length) {
    this.plain += text;
    this.at += length;
    return true;
  }

  add(node, length) {
    this.flush();
    this.made.push(node);
    this.at += length;
    return true;
  }

  flush() {
    if (this.plain) this.made.push(this.plain);
    this.plain = "";
  }

  match(pattern) {
    pattern.lastIndex = this.at;
    return pattern.exec(this.text);
  }

  /** Text between a mark here and its end; null when it never ends. */
  closed(mark, valid = () => true) {
    const from = this.at + mark.length;
    if (!this.unclosed.has(mark)) {
      let end = this.text.indexOf(mark, from + 1);
      while (end !== -1 && !valid(end)) end = this.text.indexOf(mark, end + 1);
      if (end !== -1) return { inside: this.text.slice(from, end), length: end + mark.length - this.at };
      this.unclosed.add(mark);
    }
    const open = this.how.live && mark !== "*" && mark !== "_" && this.text.slice(from).trim();
    return open ? { inside: this.text.slice(from), length: this.text.length - this.at } : null;
  }
}

const STEPS = {
  "\\"(line) {
    const next = line.text[line.at + 1];
    if (next === "\n") return line.add(el("br"), 2);
    return next && /[!-/:-@[-`{-~]/.test(next) && line.take(next, 2);
  },
  "\n"(line) {
    line.plain = line.plain.trimEnd();
    return line.add(el("br"), 1);
  },
  "`"(line) {
    const mark = /`+/y;
    const run = line.match(mark)[0];
    const found = line.closed(run);
    if (!found) return line.take(run);
    return line.add(el("code", {}, found.inside.replace(/^ (.*) $/s, "$1")), found.length);
  },
  "!"(line) {
    if (line.text[line.at + 1] !== "[") return false;
    line.at += 1;
    const image = line.match(LINK); // an image would tell its server who reads: its words stay
    return image ? line.take(image[1], image[0].length) : line.take("!", 0);
  },
  "["(line) {
    const found = line.match(LINK);
    if (found) return linked(line, found);
    const number = line.match(NUMBER);
    const cited = number && line.how.cite(Number(number[1]));
    if (cited) return line.add(cited, number[0].length);
    const half = line.how.live && line.match(HALF_LINK);
    return half ? line.take(half[1], half[0].length) : false;
  },
  "<"(line) {
    const end = line.text.indexOf(">", line.at);
    const inside = end === -1 ? "" : line.text.slice(line.at + 1, end);
    const address = /^(https?:\/\/|mailto:)\S+$/.test(inside) && safe(inside);
    return address && line.add(link(address, inside.replace("mailto:", "")), inside.length + 2);
  },
  h(line) {
    if (WORD.test(line.text[line.at - 1] ?? "")) return false;
    const found = line.match(ADDRESS);
    if (!found) return false;
    let written = found[0].replace(/[.,;:!?*_~]+$/, "");
    if (written.endsWith(")") && !written.includes("(")) written = written.slice(0, -1);
    const address = safe(written);
    return address && line.add(link(address, written), written.length);
  },
  "*": emphasis,
  _: emphasis,
  "~": emphasis,
};

function linked(line, [whole, label, target]) {
  const kids = inline(label, { ...line.how, live: false, cite: () => null });
  const address = safe(target);
  if (address) return line.add(link(address, ...kids.map(withoutLinks)), whole.length);
  for (const kid of kids) line.add(kid, 0);
  line.at += whole.length;
  return true;
}

const withoutLinks = (kid) => (kid.localName === "a" ? kid.textContent : kid);

function emphasis(line) {
  const mark = MARKS.find((one) => line.text.startsWith(one, line.at));
  const after = line.text[line.at + (mark?.length ?? 0)];
  if (!mark || !after || /\s/.test(after)) return false;
  if (mark[0] === "_" && WORD.test(line.text[line.at - 1] ?? "")) return line.take(mark);
  const found = line.closed(mark, (end) => ends(line.text, mark, end));
  if (!found) return line.take(mark);
  return line.add(el(NAMES[mark], {}, ...inline(found.inside, line.how)), found.length);
}

function ends(text, mark, end) {
  if (/\s/.test(text[end - 1])) return false;
  if (mark.length === 1 && (text[end + 1] === mark || text[end - 1] === mark)) return false;
  return mark[0] !== "_" || !WORD.test(text[end + mark.length] ?? "");
}
