// What all parts of the page share. Text from models and data sets is put into the page as text nodes only.
const data = JSON.parse(document.getElementById("data").textContent);
const column = Object.fromEntries(data.columns.map((name, i) => [name, i]));
const get = (cell, name) => cell[column[name]];

const darkness = window.matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark", darkness.matches);
darkness.addEventListener("change", follow);
follow();

function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "on") for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// One decimal as the library prints it: halves to the even digit, no minus before zero. Only x.25 is a half that
// `toFixed`, exact otherwise, takes the other way.
function number(value) {
  if (value === null || value === undefined) return "–";
  const halfway = Math.abs(value) % 1 === 0.25;
  return (halfway ? value - Math.sign(value) / 100 : value).toFixed(1).replace(/^-0\.0$/, "0.0");
}
const interval = (low, high, metric) => (low === null ? "" : `${valued(low, metric)}–${valued(high, metric)}`);
// A number with the decimals of its metric, of which most have one.
function valued(value, metric) {
  const digits = data.digits?.[metric];
  return digits === undefined || value === null || value === undefined ? number(value) : value.toFixed(digits);
}
const learnt = (cell) => (get(cell, "contaminated") ? "†" : ""); // the model learnt its items
// 1 where more is better, -1 for error rates.
const sign = (metric) => (data.lower_is_better?.includes(metric) ? -1 : 1);
const signature = (cell) => get(cell, "signature").map((token) => data.tokens[token]).join("|");

function languageName(unit) {
  return unit.split("-").map((key) => data.languages[key]?.name ?? key).join(" → ");
}

// English first, then single languages, then pairs.
function byLanguage(a, b) {
  const rank = (unit) => (unit === "en" ? 0 : unit.includes("-") ? 2 : 1);
  return rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0);
}

function options(select, entries, chosen) {
  select.replaceChildren(...entries.map(([value, text]) => el("option", { value }, text)));
  if (entries.some(([value]) => value === chosen)) select.value = chosen;
}

const numbered = (names) => names.map((name, i) => [String(i), name]);
const controls = (name) => document.querySelector(`form[data-for="${name}"]`).elements;

// State in the address: `#items?benchmark=xnli&item=xnli-test-0003` opens where it was.
function readAddress() {
  const [section, query] = location.hash.slice(1).split("?");
  return [section, Object.fromEntries(new URLSearchParams(query ?? ""))];
}

function writeAddress(section, state) {
  const query = new URLSearchParams(state).toString();
  history.replaceState(null, "", `#${section}${query ? `?${query}` : ""}`);
}
