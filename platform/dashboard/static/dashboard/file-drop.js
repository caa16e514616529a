// Files dropped anywhere on the page, sent one after the other, with the progress of their bytes.
const megabytes = (bytes) => (bytes / 1e6).toLocaleString(document.documentElement.lang, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

customElements.define("file-drop", class extends HTMLElement {
  connectedCallback() {
    this.input = this.querySelector("input[type=file]");
    if (!this.input) return; // who may not upload
    this.form = this.input.form;
    this.list = this.querySelector("[data-uploads]");
    this.queue = [];
    this.input.multiple = true;
    const button = [...this.form.elements].find(({ type }) => type === "submit");
    button.addEventListener("click", (event) => {
      event.preventDefault();
      this.input.click();
    });
    this.input.addEventListener("change", () => {
      this.take(this.input.files);
      this.input.value = ""; // the same file may be chosen again
    });
    const over = (on) => document.body.classList.toggle("drop-over", on);
    addEventListener("dragover", (event) => { event.preventDefault(); over(true); });
    addEventListener("dragleave", () => over(false));
    addEventListener("drop", (event) => { event.preventDefault(); over(false); this.take(event.dataTransfer.files); });
  }

  async take(files) {
    this.queue.push(...files);
    if (this.busy) return;
    this.busy = true;
    let failed = false;
    while (this.queue.length) failed = !(await this.send(this.queue.shift())) || failed;
    this.busy = false;
    if (!failed) location.assign(location.pathname);
  }

  row(file) {
    const row = document.createElement("li");
    row.className = "upload";
    const state = document.createElement("span");
    state.className = "state state-look";
    const progress = document.createElement("progress");
    progress.max = file.size || 1;
    progress.value = 0;
    progress.setAttribute("aria-label", file.name);
    row.append(state, progress);
    this.list.append(row);
    return { state, progress };
  }

  send(file) {
    const { state, progress } = this.row(file);
    const body = new FormData(this.form);
    body.set(this.input.name, file);
    const tell = (sent) => { state.textContent = `${file.name}: ${megabytes(sent)} ${this.dataset.of} ${megabytes(file.size)} MB`; };
    tell(0);
    return new Promise((done) => {
      const call = new XMLHttpRequest();
      const fail = (words) => { state.className = "state state-bad"; state.textContent = `${file.name}: ${words}`; progress.remove(); done(false); };
      call.upload.addEventListener("progress", (event) => { progress.value = Math.min(event.loaded, file.size); tell(progress.value); });
      call.addEventListener("load", () => {
        if (call.status < 400) { state.className = "state state-live"; progress.value = progress.max; done(true); return; }
        const page = new DOMParser().parseFromString(call.responseText, "text/html");
        fail(page.querySelector("[role=alert]")?.textContent.trim() || this.dataset.failed);
      });
      call.addEventListener("error", () => fail(this.dataset.failed));
      call.open("POST", this.dataset.url);
      call.setRequestHeader("Accept", "application/json");
      call.send(body);
    });
  }
});
