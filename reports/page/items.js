// The drill-down: a list of items, and one item in all languages with two models' answers, or one's.
// Right is right or wrong for accuracies; F1, ROUGE, chrF++ are compared by their scores.
const good = (score, benchmark) => (sign(benchmark.metric) > 0 ? score >= 50 : score < 50);

// The models chosen, one where there is one only or both are the same: there is nothing to hold against it then.
function sidesOf(form) {
  const [a, b] = form.a === undefined ? [0, 0] : [Number(form.a.value), Number(form.b.value)];
  return { a, b, two: a !== b };
}

function answersOf(item, model, setting) {
  return item.answers[model]?.[setting] ?? [];
}

function shownItems(entry, form) {
  const [{ a, b, two }, setting] = [sidesOf(form), Number(form.setting.value)];
  const wanted = form.language.value === "" ? entry.languages.map((_, i) => i) : [entry.languages.indexOf(form.language.value)];
  const benchmark = data.benchmarks[form.benchmark.value];
  const graded = !benchmark.ranks;
  const right = (answer) => answer !== null && answer !== undefined && good(answer[1], benchmark);
  const better = (x, y) => (graded ? sign(benchmark.metric) * (x[1] - y[1]) > 0 : right(x) && !right(y));
  const mean = (answers) => answers.reduce((sum, answer) => sum + answer[1], 0) / answers.length;
  return entry.items.map((item) => {
    const [mine, theirs] = [answersOf(item, a, setting), answersOf(item, b, setting)];
    const both = wanted.filter((i) => mine[i] && theirs[i]);
    return {
      item, mine: wanted.filter((i) => right(mine[i])).length, measured: wanted.filter((i) => mine[i]).length,
      fixed: both.filter((i) => better(theirs[i], mine[i])).length, broken: both.filter((i) => better(mine[i], theirs[i])).length,
      shown: (two ? [mine, theirs] : [mine]).map((answers) => {
        const had = wanted.filter((i) => answers[i]).map((i) => answers[i]);
        return had.length === 0 ? "–" : graded ? number(mean(had)) : `${had.filter(right).length}/${had.length}`;
      }),
    };
  }).filter((line) => ({
    all: true, fixed: line.fixed > 0, broken: line.broken > 0, split: line.mine > 0 && line.mine < line.measured,
  })[form.show.value]);
}

function itemList(wanted) {
  const form = controls("items");
  const entry = data.items[form.benchmark.value];
  const place = document.getElementById("items-list");
  if (entry === undefined) {
    place.replaceChildren(el("p", {}, "No items: this report was made of results without item scores, or with --items 0."));
    return;
  }
  const { two } = sidesOf(form);
  const lines = shownItems(entry, form).sort((x, y) => y.fixed + y.broken - x.fixed - x.broken);
  document.getElementById("items-choice").textContent = entry.items.length === entry.of
    ? `All ${entry.of} items, largest disagreement first. Long texts are cut where they say so.`
    : `${entry.items.length} of ${entry.of} items, those on which ${data.models.length > 1 ? "the models" : "languages"} disagree most, largest disagreement first. They are a choice, not a sample: shares among them are no scores. Long texts are cut where they say so.`;
  document.getElementById("items-changes").textContent = changesText(entry, form);
  const unit = form.language.value || entry.languages[0];
  const rows = lines.map((line) => {
    const texts = line.item.texts[unit] ?? Object.values(line.item.texts)[0] ?? [];
    const open = el("button", { type: "button", on: { click: () => chooseItem(line.item) } }, line.item.id);
    return el("tr", { "data-item": line.item.id, "aria-selected": "false" },
      el("td", {}, open, el("div", { class: "mark", dir: "auto" }, excerpt(texts))),
      ...line.shown.map((text) => el("td", { class: "n" }, text)),
      ...(two ? [line.fixed, line.broken].map((count) => el("td", { class: "n" }, String(count))) : []));
  });
  const accuracy = data.benchmarks[form.benchmark.value].ranks;
  const heads = two ? (accuracy ? ["A right", "B right", "Fixed", "Broken"] : ["A mean", "B mean", ...compared(data.benchmarks[form.benchmark.value])]) : [accuracy ? "Right" : "Mean"];
  const header = el("tr", {}, ...["Item", ...heads].map((text, i) => el("th", { scope: "col", class: i ? "n" : null }, text)));
  place.replaceChildren(rows.length ? el("table", {}, el("thead", {}, header), el("tbody", {}, ...rows)) : el("p", {}, "No chosen item is so."));
  const first = lines.find((line) => line.item.id === wanted) ?? lines[0];
  if (first) showItem(first.item);
  else document.getElementById("items-detail").replaceChildren();
}

// What "fixed" and "broken" are called where answers are graded.
const compared = (benchmark) => (sign(benchmark.metric) > 0 ? ["B higher", "B lower"] : ["B better", "B worse"]);

// How many changed among all items, shown or not.
function changesText(entry, form) {
  const { a, b } = sidesOf(form);
  const counts = entry.changes[`${a} ${b} ${form.setting.value}`];
  if (counts === undefined) return "";
  const wanted = entry.languages.map((unit, i) => [unit, counts[i]]).filter(([unit, count]) => count && (form.language.value === "" || unit === form.language.value));
  const sum = (n) => wanted.reduce((total, [, count]) => total + count[n], 0);
  const where = form.language.value !== "" ? languageName(form.language.value) : wanted.length === 1 ? languageName(wanted[0][0]) : `${wanted.length} languages together`;
  const benchmark = data.benchmarks[form.benchmark.value];
  const words = benchmark.ranks ? ["fixed", "broken"] : compared(benchmark);
  return `Of all ${entry.of} items, in ${where}: ${sum(0)} ${words[0]}, ${sum(1)} ${words[1]}.${entry.items.length < entry.of ? ` To see more of them: xling-bench report ... --items ${entry.of}` : ""}`;
}

function excerpt(texts) {
  const whole = texts.filter(Boolean).join(" / ");
  return whole.length > 110 ? `${whole.slice(0, 110)}…` : whole;
}

function chooseItem(item) {
  showItem(item);
  remember();
}

function remember() {
  const form = controls("items");
  const item = document.querySelector('#items-list tr[aria-selected="true"]')?.dataset.item ?? "";
  const state = { benchmark: form.benchmark.value, setting: data.settings[Number(form.setting.value)].key };
  if (form.a !== undefined) Object.assign(state, { a: data.models[Number(form.a.value)], b: data.models[Number(form.b.value)] });
  if (form.language.value) state.language = form.language.value;
  if (form.show.value !== "all") state.show = form.show.value;
  writeAddress("items", item ? { ...state, item } : state);
}

function showItem(item) {
  const form = controls("items");
  const entry = data.items[form.benchmark.value];
  for (const row of document.querySelectorAll("#items-list tr[data-item]")) row.setAttribute("aria-selected", String(row.dataset.item === item.id));
  const [{ a, b, two }, setting] = [sidesOf(form), Number(form.setting.value)];
  const names = two ? [[a, `A: ${data.models[a]}`], [b, `B: ${data.models[b]}`]] : [[a, data.models[a]]];
  const rows = entry.languages.map((unit, i) => {
    const answers = names.map(([model]) => answersOf(item, model, setting)[i]);
    if (answers.every((answer) => !answer)) return null;
    return el("tr", {}, el("th", { scope: "row" }, unit, el("span", { class: "sub" }, languageName(unit))), textCell(entry, item, unit),
      goldCell(item, unit), ...answers.map((answer, n) => answerCell(answer, unit, data.benchmarks[form.benchmark.value], names[n][1])));
  }).filter((row) => row !== null);
  const header = el("tr", {}, ...["Language", "Item", "Right answer", ...names.map(([, name]) => name)].map((text) => el("th", { scope: "col" }, text)));
  const columns = el("colgroup", {}, el("col", { class: "l" }), el("col", { class: "t" }), ...Array.from({ length: 1 + names.length }, () => el("col", {})));
  document.getElementById("items-detail").replaceChildren(el("h3", {}, item.id), el("div", { class: "scroll" }, el("table", {}, columns, el("thead", {}, header), el("tbody", {}, ...rows))));
}

// A pair's texts may be in either language: the browser decides by the first letter.
const direction = (unit) => (unit.includes("-") ? "auto" : data.languages[unit]?.dir ?? "auto");
const tag = (unit) => (unit.includes("-") ? null : unit.replace("_", "-"));

function textCell(entry, item, unit) {
  const texts = item.texts[unit];
  if (texts === undefined) return el("td", {}, "(text not kept)");
  const fields = entry.fields.map((name, i) => (texts[i] === "" ? null : el("p", { class: "field", "data-name": name, dir: direction(unit) }, texts[i])));
  return el("td", { dir: direction(unit), lang: tag(unit) }, ...fields);
}

function goldCell(item, unit) {
  return el("td", { dir: direction(unit), lang: tag(unit), "data-head": "Right answer" }, item.gold[unit] ?? "");
}

function answerCell(answer, unit, benchmark, name) {
  if (!answer) return el("td", { class: "hatch", "data-head": name, "aria-label": "not measured" });
  const [text, score] = answer;
  const verdict = benchmark.ranks ? (good(score, benchmark) ? "✓ right" : "✗ wrong") : `${benchmark.metric} ${number(score)}`;
  return el("td", { dir: direction(unit), lang: tag(unit), "data-head": name }, el("span", { class: `verdict ${good(score, benchmark) ? "right" : "wrong"}`, dir: "ltr", lang: "en" }, verdict),
    text.length > 120 ? el("div", { class: "answer", tabindex: "0" }, text) : text === "" ? "(empty)" : text);
}
