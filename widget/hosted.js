// The page at /c/<slug>: a person's token stands behind its #, where no server and no log sees it. It
// leaves the address at once, and lasts as long as the tab.
const KEPT = `token of ${location.pathname}`;
const widget = document.querySelector("chat-widget");
const words = document.querySelector("main"); // there if the chat is for signed-in people alone

function kept(token) {
  try {
    if (token) sessionStorage.setItem(KEPT, token);
    else if (token === null) sessionStorage.removeItem(KEPT);
    return sessionStorage.getItem(KEPT);
  } catch {
    return token; // blocked: then it lasts as long as the page
  }
}

function refuse() {
  kept(null);
  widget.remove();
  words.hidden = false;
}

const given = new URLSearchParams(location.hash.slice(1)).get("user_token");
const token = kept(given ?? undefined);
if (given) history.replaceState(history.state, "", location.pathname + location.search);
if (token) widget.setAttribute("user-token", token);
if (words) {
  if (!token) refuse();
  addEventListener("chat:error", ({ detail }) => detail.code === "invalid_key" && refuse());
}
