// Averages over groups of languages, of the headline numbers: every language of a group counts equally.
const groupings = {
  resource: (key) => data.languages[key].resource,
  "seen by XGLM": (key) => (data.languages[key].seen.includes("xglm") ? "seen" : "unseen"),
  "seen by BLOOM": (key) => (data.languages[key].seen.includes("bloom") ? "seen" : "unseen"),
  script: (key) => data.languages[key].script,
  family: (key) => data.languages[key].family,
};
const sides = { "source (pairs)": 0, "target (pairs)": 1 };

function groupOf(by, unit) {
  const parts = unit.split("-");
  if (by in sides) return parts.length === 2 ? parts[sides[by]] : null;
  return parts.length === 1 ? groupings[by](unit) : null;
}

function groupTable() {
  const by = controls("groups").by.value;
  const lines = new Map();
  const groups = new Set();
  for (const cell of data.cells) {
    const group = get(cell, "leading") ? groupOf(by, get(cell, "language")) : null;
    if (group === null) continue;
    groups.add(group);
    const id = [get(cell, "model"), get(cell, "benchmark"), get(cell, "setting")].join(" ");
    if (!lines.has(id)) lines.set(id, { cell, found: new Map() });
    const found = lines.get(id).found;
    if (!found.has(group)) found.set(group, { sum: 0, count: 0, chance: 0, learnt: "" });
    const entry = found.get(group);
    entry.sum += get(cell, "value");
    entry.count += 1;
    entry.chance += get(cell, "at_chance") ? 1 : 0;
    entry.learnt ||= learnt(cell);
  }
  const order = ["high", "medium", "low", "seen", "unseen"];
  const place = (name) => (order.includes(name) ? order.indexOf(name) : order.length);
  const names = [...groups].sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1));
  const shown = (name) => (value, type, row) => {
    const entry = row.at(-1).get(name);
    return entry ? `${number(value)}${entry.learnt} (${entry.count}${entry.chance ? `, ${entry.chance} ≈` : ""})` : "–";
  };
  const columns = [{ title: "Model" }, { title: "Benchmark" }, { title: "Setting" }, { title: "Prompts" }, ...names.map((name) => ({ title: name, number: true, render: shown(name) }))];
  const rows = [...lines.values()].sort((x, y) => get(x.cell, "model") - get(y.cell, "model")).map(({ cell, found }) => [
    data.models[get(cell, "model")], data.benchmarks[get(cell, "benchmark")].title, data.settings[get(cell, "setting")].label, get(cell, "family"),
    ...names.map((name) => (found.has(name) ? found.get(name).sum / found.get(name).count : null)), found,
  ]);
  dataTable(document.getElementById("groups-table"), `groups-${by}`, columns, rows);
}
