// Lines of a table's first two columns of numbers, by uPlot; the table holds the same numbers.
const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Custom properties keep light-dark() as it is written; a painted colour is what it comes to.
const painted = (name) => {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
};

customElements.define("chart-line", class extends HTMLElement {
  connectedCallback() {
    const rows = [...document.getElementById(this.dataset.table).tBodies[0].rows].reverse();
    const column = (n) => rows.map((row) => (row.cells[n].dataset.value === "" ? null : Number(row.cells[n].dataset.value)));
    this.data = [rows.map((row) => Date.parse(`${row.dataset.day}T00:00:00Z`) / 1000), column(1), column(2)];
    const head = document.getElementById(this.dataset.table).tHead.rows[0].cells;
    this.names = [1, 2].map((n) => head[n].textContent.trim());
    addEventListener("load", () => this.paint());
    new ResizeObserver(() => this.paint()).observe(this);
    new MutationObserver(() => this.paint()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  paint() {
    if (!window.uPlot || !this.clientWidth) return;
    this.replaceChildren();
    const line = (label, stroke, width) => ({ label, stroke, width, points: { show: this.data[0].length < 3, stroke } });
    const axis = { stroke: painted("--ink-3"), grid: { stroke: painted("--rule"), width: 1 }, ticks: { show: false }, font: `11px ${ink("--sans")}` };
    new window.uPlot({
      width: this.clientWidth,
      height: this.clientHeight,
      tzDate: (seconds) => window.uPlot.tzDate(new Date(seconds * 1000), "UTC"),
      legend: { show: false },
      cursor: { show: false },
      scales: { y: { range: (_plot, _low, high) => [0, high * 1.1 || 1] } },
      axes: [{ ...axis, values: (_plot, ticks) => ticks.map((s) => new Date(s * 1000).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" })) }, axis],
      series: [{}, line(this.names[0], painted("--ink-3"), 1.25), line(this.names[1], painted("--ink"), 1.75)],
    }, this.data, this);
  }
});
