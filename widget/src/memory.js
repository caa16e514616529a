// What a reload must not lose. Nothing is written before the first message, and never a cookie.
export class Memory {
  constructor(name) {
    this.name = name;
    this.values = read(name);
    this.kept = Object.keys(this.values).length > 0; // a visitor who has written before
  }

  get(key) {
    return this.values[key];
  }

  set(changes) {
    Object.assign(this.values, changes);
    if (this.kept) write(this.name, this.values);
  }

  /** The visitor has written: from now on what we know outlives the page. */
  keep() {
    this.kept = true;
    this.set({});
  }

  forget() {
    this.values = {};
    this.kept = false;
    try {
      localStorage.removeItem(this.name);
    } catch {
      // blocked: then nothing is there
    }
  }
}

function read(name) {
  try {
    const found = JSON.parse(localStorage.getItem(name) ?? "{}");
    return found && typeof found === "object" ? found : {};
  } catch {
    return {}; // blocked, or not ours
  }
}

function write(name, values) {
  try {
    localStorage.setItem(name, JSON.stringify(values));
  } catch {
    // blocked or full: memory serves for this page
  }
}
