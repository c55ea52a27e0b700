// The cursor of a chart: the numbers under the pointer, or one step further by arrow keys.
// The numbers come with the chart; without this script they are in the table below it.

const find = (selector, root = document) => root.querySelector(selector);
const readData = (figure) => JSON.parse(find("script", figure).textContent);

// A chart is drawn for several widths of screen; the style sheet shows one of them.
const shownDrawing = (figure) =>
  [...figure.querySelectorAll("svg.chart")].find((svg) => svg.clientWidth > 0);

function moveCursor(figure, index) {
  const data = readData(figure);
  const svg = shownDrawing(figure);
  const at = Math.min(data.rows.length - 1, Math.max(0, index));
  figure.dataset.at = at;
  const { left, right, since, until } = Object.fromEntries(
    Object.entries(svg.dataset).map(([name, value]) => [name, Number(value)]),
  );
  const moment = data.first + (at + 0.5) * data.secs;
  const x = left + ((moment - since) / (until - since)) * (right - left);
  const cursor = find(".cursor", svg);
  cursor.setAttribute("transform", `translate(${x} 0)`);
  cursor.classList.add("is-shown");
  showTooltip(figure, data, at, moment, x / svg.viewBox.baseVal.width);
}

function showTooltip(figure, data, at, moment, share) {
  const tooltip = find(".tooltip", figure);
  const zone = find("#live-clock")?.dataset.zone;
  const head = document.createElement("b");
  head.textContent = new Date(moment * 1000).toLocaleTimeString("en-GB", { timeZone: zone });
  const row = data.rows[at];
  const lines = row
    ? data.columns.map((name, n) => [name, row[n] === null ? "–" : `${row[n]}${data.units[n]}`])
    : [["no data", ""]];
  tooltip.replaceChildren(head, ...lines.map(([name, value]) => tooltipLine(name, value)));
  tooltip.hidden = false;
  const wide = figure.clientWidth;
  const x = share * wide;
  tooltip.style.left = `${x > wide / 2 ? x - tooltip.offsetWidth - 14 : x + 14}px`;
}

function tooltipLine(name, value) {
  const line = document.createElement("span");
  const [label, figure] = [document.createElement("i"), document.createElement("i")];
  label.textContent = name;
  figure.textContent = value;
  line.append(label, figure);
  return line;
}

function hideCursor(figure) {
  find(".cursor", figure)?.classList.remove("is-shown");
  find(".tooltip", figure).hidden = true;
}

function onPointer(event) {
  const figure = event.target.closest?.("[data-chart]");
  for (const other of document.querySelectorAll("[data-chart]")) if (other !== figure) hideCursor(other);
  const svg = figure && event.target.closest("svg.chart");
  if (!svg) return;
  const box = svg.getBoundingClientRect();
  const style = getComputedStyle(svg);
  const inner = box.width - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  const x = ((event.clientX - box.left - parseFloat(style.paddingLeft)) / inner) * svg.viewBox.baseVal.width;
  const { left, right } = svg.dataset;
  const rows = readData(figure).rows.length;
  moveCursor(figure, Math.floor(((x - left) / (right - left)) * rows));
}

function onChartKey(event) {
  const figure = event.target.closest?.("[data-chart]");
  const steps = { ArrowLeft: -1, ArrowRight: 1 };
  if (!figure || event.target !== figure) return;
  if (event.key === "Escape") hideCursor(figure);
  if (!(event.key in steps)) return;
  event.preventDefault();
  const last = readData(figure).rows.length - 1;
  moveCursor(figure, Number(figure.dataset.at ?? last) + steps[event.key]);
}

document.addEventListener("keydown", onChartKey);
document.addEventListener("pointermove", onPointer, { passive: true });
