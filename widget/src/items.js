// Messages: from the server's words to ours, and merged without showing any of them twice.
//
// { key, id, role, text, status, sources, feedback, eventId, responseId, reading, why }
// status: queued (not sent), in_progress, completed, incomplete, failed, stopped
let made = 0;

export function item(values) {
  made += 1;
  return { key: `m${made}`, id: null, text: "", status: "completed", sources: [], ...values };
}

export function fromServer(given) {
  return item({
    id: given.id,
    role: given.role === "user" ? "user" : "assistant",
    text: textOf(given.content),
    status: given.status ?? "completed",
    sources: (given.sources ?? []).map(source),
    feedback: given.feedback ?? null,
    eventId: given.event_id ?? null,
    responseId: given.response_id ?? null,
    reading: measured(given),
  });
}

/** What staff see under an answer in the preview; visitors' answers have no cost and show nothing. */
export function measured({ metadata: said, usage }) {
  if (said?.cost == null) return null;
  return {
    input: usage?.input_tokens,
    output: usage?.output_tokens,
    cost: said.cost,
    firstMs: said.first_token_ms,
    request: said.request_id,
  };
}

/** The words of content: a list of OpenAI's parts, or the text itself. */
export function textOf(content) {
  if (typeof content === "string") return content;
  return (content ?? []).map((part) => part.text ?? part.refusal ?? "").join("");
}

/** `{ number, name, text, page }` of a source or a citation, whatever else it holds. */
export function source(given, at = 0) {
  return {
    number: given.number ?? at + 1,
    name: given.filename ?? "",
    text: given.quote ?? "",
    page: given.page ?? null,
    id: given.chunk_id ?? given.file_id ?? null,
  };
}

/** What we hold and what the server lists, oldest first, each message once. */
export function merged(ours, listed) {
  const result = listed.map((theirs) => {
    const known = ours.find((mine) => isSame(mine, theirs));
    return known ? refreshed(known, theirs) : theirs;
  });
  const shared = ours.findIndex((mine) => result.includes(mine));
  const isOpen = (mine) => mine.status === "queued" || mine.status === "in_progress";
  const from = shared < 0 ? ours.findIndex(isOpen) : shared;
  const split = from < 0 ? ours.length : from;
  const others = (part) => part.filter((mine) => !result.includes(mine));
  return [...others(ours.slice(0, split)), ...result, ...others(ours.slice(split))];
}

/** A question of another tab, before the answer that may have begun already. */
export function joined(ours, added, responseId) {
  added.responseId ??= responseId ?? null;
  const known = ours.find((mine) => isSame(mine, added));
  if (known) {
    known.responseId = added.responseId; // two tabs have asked the same
    return ours;
  }
  const answer = ours.findIndex((mine) => responseId && mine.responseId === responseId);
  return answer < 0 ? [...ours, added] : ours.toSpliced(answer, 0, added);
}

function isSame(mine, theirs) {
  if (mine.role !== theirs.role) return false;
  if (mine.id) return mine.id === theirs.id;
  if (mine.eventId && theirs.eventId) return mine.eventId === theirs.eventId;
  return Boolean(mine.responseId) && mine.responseId === theirs.responseId;
}

/** An answer that we are reading goes on from its events; every other takes the server's word. */
function refreshed(mine, theirs) {
  const reading = mine.status === "in_progress" && theirs.status === "in_progress";
  const { key, text } = mine;
  const sources = theirs.sources.length ? theirs.sources : mine.sources;
  return Object.assign(mine, theirs, {
    key,
    sources,
    text: reading ? text : theirs.text,
    eventId: theirs.eventId ?? mine.eventId,
    responseId: theirs.responseId ?? mine.responseId,
    status: mine.status === "stopped" ? "stopped" : theirs.status,
  });
}
