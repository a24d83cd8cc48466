// Start: fill the controls, draw, and follow the address.
function fill() {
  const models = numbered(data.models);
  const settings = numbered(data.settings.map((setting) => setting.label));
  const heat = controls("heat");
  options(heat.model, models);
  options(heat.setting, settings);
  if (heat.other !== undefined) options(heat.other, [["", "(nothing)"], ...models]);
  const benchmarks = Object.entries(data.benchmarks).map(([key, benchmark]) => [key, benchmark.title]);
  options(controls("benchmark").benchmark, benchmarks);
  const items = controls("items");
  options(items.benchmark, benchmarks.filter(([key]) => data.items[key] !== undefined));
  options(items.setting, settings);
  if (items.a !== undefined) {
    options(items.a, models, String(data.pair[0]));
    options(items.b, models, String(data.pair[1]));
  }
  const changed = ([key]) => (data.items[key]?.changes[`${data.pair[0]} ${data.pair[1]} 0`] ?? []).some((count) => count && count[0] + count[1] > 0);
  const first = benchmarks.find(changed);
  if (first !== undefined) items.benchmark.value = first[0];
  options(controls("groups").by, [...Object.keys(groupings), ...(data.cells.some((cell) => get(cell, "language").includes("-")) ? Object.keys(sides) : [])].map((name) => [name, name]));
  fillLanguages();
}

function fillLanguages() {
  const items = controls("items");
  const entry = data.items[items.benchmark.value];
  options(items.language, [["", "all"], ...(entry?.languages ?? []).map((unit) => [unit, `${unit} ${languageName(unit)}`])], items.language.value);
}

function openAddress() {
  const [section, state] = readAddress();
  if (section === "items") {
    const form = controls("items");
    const choose = (name, value) => { if (value !== undefined && form[name] !== undefined && [...form[name].options].some((o) => o.value === value)) form[name].value = value; };
    choose("benchmark", state.benchmark);
    fillLanguages();
    choose("setting", String(data.settings.findIndex((setting) => setting.key === state.setting)));
    choose("a", String(data.models.indexOf(state.a)));
    choose("b", String(data.models.indexOf(state.b)));
    choose("language", state.language);
    choose("show", state.show);
    itemList(state.item);
  } else if (section === "benchmarks" && Object.hasOwn(data.benchmarks, state.benchmark ?? "")) {
    controls("benchmark").benchmark.value = state.benchmark;
    benchmarkTable();
  } else if (section === "heat") {
    const form = controls("heat");
    if (data.models.includes(state.model)) form.model.value = String(data.models.indexOf(state.model));
    const setting = data.settings.findIndex(({ key }) => key === state.setting);
    if (setting >= 0) form.setting.value = String(setting);
    if (form.other !== undefined && data.models.includes(state.other)) form.other.value = String(data.models.indexOf(state.other));
    heatMap();
  }
  if (section) document.getElementById(section)?.scrollIntoView();
}

fill();
heatMap();
groupTable();
benchmarkTable();
numbersTable();
itemList();
openAddress();
document.querySelector('form[data-for="heat"]').addEventListener("change", () => {
  heatMap();
  const { model, setting, other } = controls("heat");
  const state = { model: data.models[Number(model.value)], setting: data.settings[Number(setting.value)].key };
  writeAddress("heat", other === undefined || other.value === "" ? state : { ...state, other: data.models[Number(other.value)] });
});
document.querySelector('form[data-for="groups"]').addEventListener("change", groupTable);
document.querySelector('form[data-for="benchmark"]').addEventListener("change", () => {
  benchmarkTable();
  writeAddress("benchmarks", { benchmark: controls("benchmark").benchmark.value });
});
document.querySelector('form[data-for="items"]').addEventListener("change", (event) => {
  if (event.target.name === "benchmark") fillLanguages();
  itemList();
  remember();
});
for (const form of document.querySelectorAll("form")) form.addEventListener("submit", (event) => event.preventDefault());
window.addEventListener("hashchange", openAddress);
document.documentElement.dataset.ready = "yes";
