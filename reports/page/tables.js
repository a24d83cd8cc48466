// Tables: sorting, filtering, paging and CSV are DataTables'. Cells it builds from data are rendered as text.
// Cells read from the page lose their markup in a CSV; values of ours have none, so that `<b>` in them is a name's own.
const plain = (value) => (typeof value === "string" && /^[=@\t\r]/.test(value) ? `'${value}` : value);
const csvButton = (name, built) => ({
  extend: "csvHtml5", text: "CSV", filename: name, bom: true,
  exportOptions: { orthogonal: "export", columns: ":not(.control)", escapeExcelFormula: true, ...(built ? { format: { body: plain } } : {}) },
});

// A first click on a column of numbers shows the largest first.
const bestFirst = [{ targets: ".n", orderSequence: ["desc", "asc"] }];

function layout(name, rows, built = false) {
  const many = rows > 12;
  return {
    layout: { topStart: many ? "search" : null, topEnd: rows > 25 ? "info" : null,
              bottomStart: { buttons: [csvButton(name, built)] }, bottomEnd: rows > 25 ? "paging" : null },
    columnDefs: bestFirst,
    pageLength: 25, paging: rows > 25, autoWidth: false, searching: true,
    language: { search: "Filter", emptyTable: "nothing to show", info: "_START_–_END_ of _TOTAL_", infoEmpty: "0 of 0",
                infoFiltered: "(of _MAX_)", zeroRecords: "nothing matches" },
  };
}

for (const table of document.querySelectorAll("table.data")) {
  const name = table.dataset.name;
  const order = table.dataset.orderBy === undefined ? [] : [[Number(table.dataset.orderBy), "asc"]];
  new DataTable(table, { ...layout(name, table.tBodies[0].rows.length), order });
}

// A table from rows of plain values; `columns`: {title, number, render}.
function dataTable(parent, name, columns, rows, more = {}) {
  const heads = [...columns, ...(more.columns ?? [])].map((c) => el("th", { scope: "col" }, c.title)); // else some are <td>
  const table = el("table", { class: "data", "data-name": name }, el("thead", {}, el("tr", {}, ...heads)));
  parent.replaceChildren(table);
  const text = DataTable.render.text();
  const made = columns.map((c, i) => ({
    title: c.title, data: i, className: c.number ? "n" : undefined, type: c.number ? "num" : undefined,
    render: c.render ? { _: c.render, sort: (value) => value ?? -1e9, type: (value) => value ?? -1e9, export: (value) => value ?? "" } : text,
  }));
  return new DataTable(table, { ...layout(name, rows.length, true), columns: [...made, ...(more.columns ?? [])], data: rows, order: [], ...more.options });
}

const scored = (value, type, row) => valued(value, row[4]); // with the decimals of its row's metric
const head = [
  { title: "Model" }, { title: "Benchmark" }, { title: "Language" }, { title: "Score", number: true, render: scored },
  { title: "Metric" }, { title: "Setting" }, { title: "Prompts" }, { title: "Low", number: true, render: scored },
  { title: "High", number: true, render: scored }, { title: "Items", number: true }, { title: "Seeds", number: true }, { title: "Not above chance" },
  { title: "Contaminated" },
];

function numbersTable() {
  const rows = data.cells.map((cell) => [
    data.models[get(cell, "model")], data.benchmarks[get(cell, "benchmark")].title, `${get(cell, "language")} ${languageName(get(cell, "language"))}`,
    get(cell, "value"), get(cell, "metric"), data.settings[get(cell, "setting")].label, get(cell, "family"), get(cell, "low"), get(cell, "high"),
    get(cell, "n"), get(cell, "seeds"), get(cell, "at_chance") ? `yes ${get(cell, "predicted")}`.trim() : "", learnt(cell), cell,
  ]);
  const filters = [0, 1, 2, 4, 5, 6].map((target) => ({ target, columnControl: ["order", ["searchList"]] }));
  const table = dataTable(document.getElementById("numbers-table"), "numbers", head, rows, {
    columns: [
      { title: "Signature", data: 13, className: "control", orderable: false, searchable: false,
        render: (cell, type) => (type === "display" ? `<button type="button" class="open" aria-expanded="false">show</button>` : "") },
      { title: "signature", data: 13, visible: false, searchable: false, render: (cell, type) => (type === "export" ? signature(cell) : "") },
    ],
    options: { columnDefs: [...bestFirst, ...filters.map(({ target, columnControl }) => ({ targets: target, columnControl }))], ordering: { indicators: false, handler: true }, deferRender: true },
  });
  table.on("click", "button.open", (event) => {
    const row = table.row(event.target.closest("tr"));
    const open = !row.child.isShown();
    if (open) row.child(el("div", { class: "signature" }, signature(row.data()[13]))).show();
    else row.child.hide();
    event.target.setAttribute("aria-expanded", String(open));
    event.target.textContent = open ? "hide" : "show";
  });
}

// A gap and how it is to be read, as `results/gaps.py` says.
function gapText(gap, type, row) {
  if (gap === null) return number(gap);
  const values = row.at(-1);
  if (values.get("en")[3]) return `${number(gap)} (English at chance)`;
  const bounded = [...values].some(([unit, value]) => !unit.includes("-") && value[3]);
  return bounded ? `at least ${number(gap)}` : number(gap);
}

// One benchmark: models and settings as rows, languages as columns, the papers' rows below.
function benchmarkTable() {
  const form = controls("benchmark");
  const key = form.benchmark.value;
  const cells = data.cells.filter((cell) => get(cell, "benchmark") === key);
  const metrics = [...new Set(cells.map((cell) => get(cell, "metric")))];
  const lead = data.benchmarks[key].metric;
  options(form.metric, metrics.sort((a, b) => (a === lead ? -1 : b === lead ? 1 : 0)).map((m) => [m, m]), form.metric.value);
  const shown = cells.filter((cell) => get(cell, "metric") === form.metric.value);
  const published = form.metric.value === lead ? data.published.filter((cell) => cell.benchmark === key) : [];
  const units = [...new Set([...shown.map((cell) => get(cell, "language")), ...published.map((cell) => cell.language)])].sort(byLanguage);
  const lines = new Map();
  shown.sort((x, y) => get(x, "model") - get(y, "model"));
  for (const cell of shown) {
    const name = [data.models[get(cell, "model")], data.settings[get(cell, "setting")].label, get(cell, "family"), ""];
    const id = JSON.stringify([get(cell, "model"), get(cell, "setting"), get(cell, "family")]); // shown names may be equal
    if (!lines.has(id)) lines.set(id, { name, values: new Map() });
    lines.get(id).values.set(get(cell, "language"), [get(cell, "value"), get(cell, "low"), get(cell, "high"), get(cell, "at_chance"), learnt(cell)]);
  }
  for (const cell of published) {
    const name = [cell.model, `${cell.shots} shots`, "", `published: ${cell.source}`];
    const id = JSON.stringify(name);
    if (!lines.has(id)) lines.set(id, { name, values: new Map() });
    lines.get(id).values.set(cell.language, [cell.value, null, null, null, ""]);
  }
  const withIntervals = form.intervals.checked;
  const across = !data.within_language?.includes(form.metric.value); // else nothing over languages is made of it
  const before = across ? 4 : 2;
  const display = (value, type, row, meta) => {
    const [score, low, high, chance, mark] = row.at(-1).get(units[meta.col - before]) ?? [null, null, null, null, ""];
    return `${valued(score, form.metric.value)}${mark ?? ""}${chance ? " ≈" : ""}${withIntervals && low !== null && low !== undefined ? ` [${interval(low, high, form.metric.value)}]` : ""}`;
  };
  const over = [{ title: "Mean", number: true, render: number }, { title: "Gap", number: true, render: gapText }];
  const columns = [{ title: "Model" }, { title: "Setting" }, ...(across ? over : []), ...units.map((unit) => ({ title: unit, number: true, render: display })),
    { title: "Prompts" }, { title: "Note" }];
  const rows = [...lines.values()].map(({ name, values }) => {
    const single = units.filter((unit) => !unit.includes("-"));
    const measured = (single.length ? single : units).filter((unit) => values.has(unit));
    const scores = measured.map((unit) => values.get(unit)[0]);
    const mean = scores.length ? scores.reduce((a, b) => a + b, 0) / scores.length : null;
    const others = measured.filter((unit) => unit !== "en").map((unit) => values.get(unit)[0]);
    const gap = values.has("en") && others.length && single.length ? sign(form.metric.value) * (values.get("en")[0] - others.reduce((a, b) => a + b, 0) / others.length) : null;
    const missing = (single.length ? single : units).length - measured.length;
    const note = [name[3], missing ? `${missing} of ${missing + measured.length} not measured` : ""].filter(Boolean).join("; ");
    return [name[0], name[1], ...(across ? [mean, gap] : []), ...units.map((unit) => values.get(unit)?.[0] ?? null), name[2], note, values];
  });
  dataTable(document.getElementById("benchmark-table"), `benchmark-${key}`, columns, rows);
}
