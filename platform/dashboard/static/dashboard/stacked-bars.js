// Draws the stacked bars from the table beneath them, so chart and table cannot disagree.
const NS = "http://www.w3.org/2000/svg";
// as the server writes them: 1,234.5 or 1.234,5
const written = (number, places = 0) => number.toLocaleString(document.documentElement.lang, { minimumFractionDigits: places, maximumFractionDigits: places });
const sum = (list) => list.reduce((a, b) => a + b, 0);

const draw = (name, props, parent, text) => {
  const node = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(props)) node.setAttribute(key, value);
  if (text) node.textContent = text;
  parent.append(node);
};

// 1, 2, 2.5, 5, 10: the smallest of these steps that needs no more than six lines.
const stepOf = (most, least) => {
  const power = 10 ** Math.floor(Math.log10(most / 5 || 1));
  const steps = [1, 2, 2.5, 5, 10].map((n) => n * power).filter((step) => step % least === 0);
  return steps.find((step) => step * 6 >= most) || Math.max(power * 10, least);
};

customElements.define("stacked-bars", class extends HTMLElement {
  connectedCallback() {
    this.svg = this.querySelector("svg");
    this.readout = document.getElementById(this.dataset.readout);
    const table = document.getElementById(this.dataset.table);
    this.names = [...table.tHead.querySelectorAll("[data-bar]")].map((cell) => cell.dataset.bar);
    const rows = [...table.tBodies[0].rows].sort((a, b) => (a.dataset.at < b.dataset.at ? -1 : 1));
    this.days = rows.map((row) => ({
      day: row.cells[0].textContent.trim(),
      label: row.dataset.label || row.cells[0].textContent.trim(),
      at: row.dataset.at,
      values: [...row.querySelectorAll("[data-value]")].map((cell) => Number(cell.dataset.value)),
    }));
    this.at = this.days.length - 1;
    this.picked = -1;
    this.buttons = document.querySelectorAll("[data-series]");
    for (const button of this.buttons) button.addEventListener("click", () => this.pick(button.dataset.series - 1));
    this.svg.addEventListener("pointermove", (event) => {
      const column = event.target.closest(".column");
      if (column) this.read(Number(column.dataset.i));
    });
    this.svg.addEventListener("keydown", (event) => {
      if (event.key === "ArrowLeft") this.read(this.at - 1);
      if (event.key === "ArrowRight") this.read(this.at + 1);
    });
    new ResizeObserver(() => this.paint()).observe(this.svg);
    this.read(this.at);
  }

  pick(series) {
    this.picked = this.picked === series ? -1 : series;
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(button.dataset.series - 1 === this.picked));
    this.paint();
  }

  // Costs lie in the table as nano-dollars.
  format(value) {
    if (!this.dataset.money) return written(value);
    const dollars = value / 1e9;
    return `$${written(dollars, dollars >= 1 || !dollars ? 2 : Math.min(9, 1 - Math.floor(Math.log10(dollars))))}`;
  }

  unit(count) { return (count === 1 && this.dataset.one) || this.dataset.many; }

  read(i) {
    this.at = Math.max(0, Math.min(this.days.length - 1, i));
    this.paint();
    const { day, at, values } = this.days[this.at];
    const parts = this.names.map((name, s) => `${name} ${this.format(values[s])}`).filter((_, s) => values[s]);
    const told = [this.format(sum(values)), this.unit(sum(values)), at && new Date().toISOString().startsWith(at) && this.dataset.soFar];
    this.readout.textContent = `${day}: ${told.filter(Boolean).join(" ")}${parts.length > 1 ? ` (${parts.join(", ")})` : ""}`;
  }

  paint() {
    const { svg } = this;
    if (!svg.clientWidth) return;
    const { width, height } = svg.getBoundingClientRect();
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.replaceChildren();
    const largest = Math.max(...this.days.map((d) => sum(d.values)), 1);
    const step = stepOf(largest, 1); // neither half requests nor half nano-dollars
    const most = Math.ceil(largest / step) * step;
    const box = { left: 8 + 7 * this.format(most).length, bottom: height - 22, top: 8, width, height, most, step };
    this.grid(box);
    this.days.forEach((d, i) => this.column(box, d, i));
  }

  y(box, value) { return box.bottom - (value / box.most) * (box.bottom - box.top); }

  grid(box) {
    for (let mark = 0; mark <= box.most; mark += box.step) {
      const at = Math.round(this.y(box, mark)) + 0.5;
      draw("line", { x1: box.left, x2: box.width, y1: at, y2: at, class: mark ? "grid" : "base" }, this.svg);
      draw("text", { x: box.left - 8, y: at + 4, "text-anchor": "end" }, this.svg, this.format(mark));
    }
  }

  column(box, d, i) {
    const step = (box.width - box.left) / this.days.length;
    const bar = Math.max(3, Math.min(22, Math.floor(step * 0.68)));
    const x = Math.round(box.left + i * step + (step - bar) / 2);
    const column = document.createElementNS(NS, "g");
    column.setAttribute("class", "column");
    column.dataset.i = i;
    this.svg.append(column);
    draw("rect", { x: box.left + i * step, y: box.top, width: step, height: box.bottom - box.top, class: "hit" }, column);
    let floor = box.bottom;
    d.values.forEach((value, s) => {
      const tall = box.bottom - this.y(box, value);
      if (tall < 0.5) return;
      const picked = this.picked === s ? " picked" : "";
      draw("rect", { x, y: floor - tall, width: bar, height: Math.max(0.5, tall - 1), class: `bar s${s + 1}${picked}` }, column);
      floor -= tall;
    });
    if (i === this.at) draw("line", { x1: x - 2, x2: x + bar + 2, y1: box.bottom + 2, y2: box.bottom + 2, class: "needle" }, this.svg);
    this.label(box, d, i, x + bar / 2, step);
  }

  label(box, d, i, x, step) {
    const last = this.days.length - 1;
    if ((last - i) % Math.max(1, Math.ceil(64 / step))) return;
    draw("line", { x1: x, x2: x, y1: box.bottom, y2: box.bottom + 4, class: "base" }, this.svg);
    const edge = i === last && step < 48;
    draw("text", { x: edge ? box.width : x, y: box.height - 4, "text-anchor": edge ? "end" : "middle" }, this.svg, d.label);
  }
});
