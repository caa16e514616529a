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

const DAY = 86_400;
const STEPS = [1, 2, 3, 7, 14, 28].map((days) => days * DAY);
// as the server writes them: 1,234 and 21 Nov, 1.234 and 21. Nov.
const { lang } = document.documentElement;
const words = (seconds) => new Date(seconds * 1000).toLocaleDateString(lang === "en" ? "en-GB" : lang, { day: "numeric", month: "short", timeZone: "UTC" });

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
    const line = (label, stroke, width) => ({ label, stroke, width, points: { show: this.data[0].length < 3, stroke, fill: stroke } });
    const axis = { stroke: painted("--ink-3"), ticks: { show: false }, font: `11px ${ink("--sans")}` };
    const [days] = this.data;
    const grid = { stroke: painted("--rule"), width: 1 };
    new window.uPlot({
      width: this.clientWidth,
      height: this.clientHeight,
      tzDate: (seconds) => window.uPlot.tzDate(new Date(seconds * 1000), "UTC"),
      legend: { show: false },
      cursor: { show: false },
      scales: {
        // from the days themselves: left alone, one day is stretched over years
        x: { range: () => [days[0] - DAY / 2, days.at(-1) + DAY / 2] },
        y: { range: (_plot, _low, high) => [0, high * 1.1 || 1] },
      },
      axes: [
        { ...axis, grid: { show: false }, incrs: STEPS, values: (_plot, ticks) => ticks.map(words) },
        { ...axis, grid, values: (_plot, ms) => ms.map((one) => one.toLocaleString(lang)) },
      ],
      series: [{}, line(this.names[0], painted("--ink-3"), 1.25), line(this.names[1], painted("--ink"), 1.75)],
    }, this.data, this);
  }
});
