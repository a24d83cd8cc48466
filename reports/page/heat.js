// The heat map: a real table, coloured. One model's scores, or the difference of two.
function leading(model, setting) {
  const found = new Map();
  for (const cell of data.cells) {
    if (get(cell, "leading") && get(cell, "model") === model && get(cell, "setting") === setting) {
      found.set(`${get(cell, "benchmark")} ${get(cell, "language")}`, cell);
    }
  }
  return found;
}

function heatMap() {
  const form = controls("heat");
  const setting = Number(form.setting.value);
  const other = form.other === undefined || form.other.value === "" ? null : Number(form.other.value);
  const mine = leading(Number(form.model.value), setting);
  const theirs = other === null ? null : leading(other, setting);
  const both = [...mine.keys()];
  const benchmarks = Object.keys(data.benchmarks).filter((name) => both.some((key) => key.split(" ")[0] === name));
  const units = [...new Set(both.map((key) => key.split(" ")[1]))].sort(byLanguage);
  const most = theirs === null ? 0 : Math.max(1, ...both.filter((key) => theirs.has(key)).map((key) => Math.abs(get(mine.get(key), "value") - get(theirs.get(key), "value"))));
  const rows = units.map((unit) => el("tr", {},
    el("th", { scope: "row" }, `${unit} `, el("small", {}, languageName(unit))),
    ...benchmarks.map((key) => heatCell(mine.get(`${key} ${unit}`), theirs?.get(`${key} ${unit}`), theirs !== null, data.benchmarks[key], most))));
  const header = el("tr", {}, el("th", { scope: "col" }, "Language"),
    ...benchmarks.map((key) => el("th", { scope: "col", class: "n" }, data.benchmarks[key].title, el("span", { class: "sub" }, `${data.benchmarks[key].metric}, ${data.benchmarks[key].family}`))));
  const table = el("table", { class: "heat" }, el("thead", {}, header), el("tbody", {}, ...rows));
  document.getElementById("heat-table").replaceChildren(units.length ? table : "Nothing was measured so.");
}

function heatCell(cell, other, difference, benchmark, most) {
  if (cell === undefined || (difference && other === undefined)) return el("td", { class: "hatch", "aria-label": "not measured" }, "");
  const value = get(cell, "value");
  const chance = get(cell, "at_chance") && (!difference || get(other, "at_chance"));
  const mark = (learnt(cell) || (difference ? learnt(other) : "")) + (chance ? " ≈" : "");
  const node = el("td", { class: chance ? "chance" : null });
  if (difference) {
    const change = get(other, "value") - value;
    node.style.setProperty("--hue", sign(benchmark.metric) * change >= 0 ? "var(--good)" : "var(--bad)");
    node.style.setProperty("--a", (0.65 * Math.abs(change) / most).toFixed(3));
    node.append(`${change > 0 ? "+" : ""}${valued(change, benchmark.metric).replace("-", "−")}${mark}`);
    return node;
  }
  const floor = benchmark.chance ?? 0;
  const share = Math.min(1, Math.max(0, (value - floor) / (100 - floor)));
  node.style.setProperty("--hue", "var(--good)");
  node.style.setProperty("--a", (0.65 * (sign(benchmark.metric) > 0 ? share : 1 - share)).toFixed(3));
  node.append(`${valued(value, benchmark.metric)}${mark}`);
  node.title = [interval(get(cell, "low"), get(cell, "high"), benchmark.metric), `${get(cell, "n")} items`].filter(Boolean).join(", ");
  return node;
}
