// Markdown as DOM nodes, block by block, so that a growing answer repaints only its last block.
import { inline } from "./inline.js";
import { el } from "./dom.js";

const DEEPEST = 6; // quotes and lists inside of each other; deeper ones are plain text
const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([\w+#.-]{0,30})/;
const HEADING = /^ {0,3}#{1,6}\s+(.*)/;
const RULE = /^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])\s+(.*)/;
const QUOTE = /^ {0,3}> ?/;
const DIVIDER = /^ *\|?[ :|-]*-[ :|-]*$/;

/**
 * Show `text` inside `box`. `cite(number)` gives the node for a `[number]` that names a source, or
 * null; `cited` counts them: a source that comes late repaints. `live` means more is to come: what
 * is still open is shown as if it were closed.
 */
export function paint(box, text, { cite = () => null, cited = 0, live = false } = {}) {
  const made = blocks(text.replace(/\r\n?/g, "\n").split("\n"));
  made.forEach((block, at) => {
    const last = live && at === made.length - 1;
    const source = `${block.kind} ${last} ${cited}\n${block.lines.join("\n")}`;
    const old = box.children[at];
    if (old?.source === source) return;
    const node = build(block, { cite, live: last, depth: 0 });
    node.source = source;
    if (old) old.replaceWith(node);
    else box.append(node);
  });
  while (box.children.length > made.length) box.lastChild.remove();
}

/** Cut lines into blocks: `{ kind, lines }`, in one pass. */
function blocks(lines) {
  const found = [];
  let at = 0;
  while (at < lines.length) {
    if (!lines[at].trim()) {
      at += 1;
      continue;
    }
    const kind = kindOf(lines, at);
    const end = ENDS[kind](lines, at);
    found.push({ kind, lines: lines.slice(at, end) });
    at = end;
  }
  return found;
}

function kindOf(lines, at) {
  const line = lines[at];
  if (FENCE.test(line)) return "code";
  if (HEADING.test(line)) return "heading";
  if (RULE.test(line)) return "rule";
  if (ITEM.test(line)) return "list";
  if (QUOTE.test(line)) return "quote";
  if (line.includes("|") && DIVIDER.test(lines[at + 1] ?? "")) return "table";
  return "paragraph";
}

/** Where a block that begins at `at` ends (one past its last line). */
const ENDS = {
  heading: (_, at) => at + 1,
  rule: (_, at) => at + 1,
  code(lines, at) {
    const mark = FENCE.exec(lines[at])[1];
    for (let end = at + 1; end < lines.length; end += 1) {
      const line = lines[end].trim();
      if (line.startsWith(mark) && !line.replaceAll(mark[0], "")) return end + 1;
    }
    return lines.length;
  },
  quote: (lines, at) => runs(lines, at, (line) => QUOTE.test(line)),
  table: (lines, at) => runs(lines, at, (line) => line.includes("|")),
  paragraph: (lines, at) =>
    runs(lines, at, (line, here) => line.trim() && kindOf(lines, here) === "paragraph"),
  list(lines, at) {
    const ordered = isOrdered(lines[at]);
    return runs(lines, at, (line, here) => {
      if (!line.trim()) {
        const next = lines[here + 1] ?? "";
        return /^ {2,}\S/.test(next) || (ITEM.test(next) && isOrdered(next) === ordered);
      }
      if (/^ {2,}/.test(line)) return true;
      return ITEM.test(line) ? !RULE.test(line) && isOrdered(line) === ordered : !stands(line);
    });
  },
};

function runs(lines, at, goesOn) {
  let end = at + 1;
  while (end < lines.length && goesOn(lines[end], end)) end += 1;
  return end;
}

const isOrdered = (line) => /\d/.test(ITEM.exec(line)[2]);
const stands = (line) => [FENCE, HEADING, RULE, QUOTE].some((pattern) => pattern.test(line));

function build(block, how) {
  if (how.depth > DEEPEST) return el("p", {}, block.lines.join("\n"));
  return BUILD[block.kind](block.lines, how);
}

const BUILD = {
  // One level below the panel's own heading, whatever the model chose: the outline stays whole.
  heading: ([line], how) => el("h3", {}, ...inline(HEADING.exec(line)[1], how)),
  rule: () => el("hr"),
  paragraph: (lines, how) => el("p", {}, ...inline(lines.join("\n"), how)),
  code(lines) {
    const [, mark, language] = FENCE.exec(lines[0]);
    const closed = lines.length > 1 && lines.at(-1).trim().startsWith(mark);
    const text = lines.slice(1, closed ? -1 : undefined).join("\n");
    return el("pre", { tabindex: "0", "aria-label": language || "code" }, el("code", {}, text));
  },
  quote(lines, how) {
    return el("blockquote", {}, ...inner(lines.map((line) => line.replace(QUOTE, "")), how));
  },
  list(lines, how) {
    const first = ITEM.exec(lines[0])[2];
    const ordered = /\d/.test(first);
    const start = ordered && parseInt(first, 10) !== 1 ? parseInt(first, 10) : null;
    const entries = entriesOf(lines);
    return el(
      ordered ? "ol" : "ul",
      { start },
      ...entries.map((entry, at) =>
        el("li", {}, ...tight(entry, { ...how, live: how.live && at === entries.length - 1 })),
      ),
    );
  },
  table(lines, how) {
    const row = (line, name) =>
      el("tr", {}, ...cells(line).map((cell) => el(name, {}, ...inline(cell, how))));
    const body = lines.slice(2).map((line) => row(line, "td"));
    const table = el("table", {}, el("thead", {}, row(lines[0], "th")), el("tbody", {}, ...body));
    return el("div", { class: "table", tabindex: "0", role: "group", "aria-label": "table" }, table);
  },
};

/** Lines of each entry of a list, without marker and indentation. */
function entriesOf(lines) {
  const margin = ITEM.exec(lines[0])[1].length;
  const entries = [];
  let indent = 0;
  for (const line of lines) {
    const item = ITEM.exec(line);
    if (item && item[1].length <= margin + 1) {
      indent = item[1].length + item[2].length + 1;
      entries.push([item[3]]);
    } else {
      const blank = line.length - line.trimStart().length;
      entries.at(-1).push(line.slice(Math.min(blank, Math.max(indent, 2))));
    }
  }
  return entries;
}

function inner(lines, how) {
  const made = blocks(lines);
  const deeper = { ...how, depth: how.depth + 1 };
  return made.map((block, at) =>
    build(block, { ...deeper, live: how.live && at === made.length - 1 }),
  );
}

/** An entry of one paragraph needs no paragraph around it. */
function tight(lines, how) {
  const nodes = inner(lines, how);
  const [first, ...others] = nodes;
  return first?.localName === "p" ? [...first.childNodes, ...others] : nodes;
}

function cells(line) {
  const inside = line.trim().replace(/^\|/, "").replace(/(^|[^\\])\|$/, "$1");
  return inside.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}
