// One socket, opened again with patience: knows frames, silence and close codes, and nothing of chats.
const SILENCE = 60_000; // then the other end is taken to be gone
const ASK = 35_000; // of silence, and we ask whether somebody is there
const LOOK = 5_000;
const LONGEST = 30_000;
const BACK = new Set([4408, 4429]); // the only ones from 4400 on after which coming back makes sense

const isFinal = (code) => code >= 4400 && code < 4500 && !BACK.has(code);

export class Connection {
  /**
   * `hello()` is the first frame of each socket. `onFrame(frame)`; `onPhase(phase, code)` with
   * connecting, reconnecting, offline or closed (for good: `code` says why).
   */
  constructor(url, { hello, onFrame, onPhase }) {
    Object.assign(this, { url, hello, onFrame, onPhase });
    this.socket = null;
    this.attempts = 0;
    this.over = false; // closed by us
    this.refused = false; // closed for good by the server
    this.listening = new AbortController();
  }

  open() {
    const { signal } = this.listening;
    addEventListener("online", () => this.wake(), { signal });
    addEventListener("offline", () => this.drop(), { signal });
    addEventListener("pageshow", () => this.wake(), { signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.wake(), { signal });
    this.watch = setInterval(() => this.listen(), LOOK);
    this.dial();
  }

  close() {
    this.over = true;
    this.listening.abort();
    clearInterval(this.watch);
    clearTimeout(this.timer);
    this.let(1000);
  }

  /** The server has taken our first frame: the next loss starts with short waits again. */
  settled() {
    this.attempts = 0;
  }

  /** True when it has left; false while there is no socket. */
  send(frame) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(frame));
    return true;
  }

  /** The server goes in a moment, and says when to come back. */
  expect(afterMs) {
    this.after = afterMs;
  }

  /** What was refused may be taken now: another token, another person. */
  retry() {
    this.refused = false;
    this.dial();
  }

  /** Do not wait any longer: the network or the reader is back. */
  wake() {
    if (this.over || this.refused) return;
    if (this.socket && Date.now() - this.heard > SILENCE) this.drop();
    else if (!this.socket) {
      clearTimeout(this.timer);
      this.dial();
    }
  }

  dial() {
    if (this.over || this.refused || this.socket) return;
    if (navigator.onLine === false) {
      this.onPhase("offline");
      return;
    }
    this.onPhase(this.attempts ? "reconnecting" : "connecting");
    const socket = new WebSocket(this.url, "chat.v1");
    this.socket = socket;
    this.heard = Date.now();
    const mine = (then) => (event) => socket === this.socket && then(event);
    socket.onopen = mine(() => this.send(this.hello()));
    socket.onmessage = mine((event) => this.receive(event.data));
    socket.onclose = mine((event) => this.lost(event.code));
  }

  receive(text) {
    this.heard = Date.now();
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return; // not of this protocol
    }
    if (frame && typeof frame.type === "string") this.onFrame(frame);
  }

  listen() {
    if (!this.socket) return;
    const silent = Date.now() - this.heard;
    if (silent > SILENCE) this.drop();
    else if (silent > ASK) this.send({ type: "ping", t: Date.now() });
  }

  /** A socket on a dead network may take minutes to notice: we do not wait for it. */
  drop() {
    if (this.socket) this.let(4000);
    if (!this.over && !this.refused) this.lost(1006);
  }

  let(code) {
    const socket = this.socket;
    this.socket = null;
    socket?.close(code);
  }

  lost(code) {
    this.socket = null;
    clearTimeout(this.timer);
    if (isFinal(code)) {
      this.refused = true;
      this.onPhase("closed", code);
      return;
    }
    this.attempts += 1;
    if (navigator.onLine === false) {
      this.onPhase("offline");
      return; // `online` wakes us
    }
    this.onPhase("reconnecting");
    const wait = this.after ?? Math.min(LONGEST, 500 * 2 ** (this.attempts - 1)) * (0.5 + Math.random() / 2);
    this.after = undefined;
    this.timer = setTimeout(() => this.dial(), wait);
  }
}
