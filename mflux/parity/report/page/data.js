"use strict";
// The report's data and what every part of the page needs: numbers as text, elements, colours.

const byId = (id) => document.getElementById(id);
const run = JSON.parse(byId("run").textContent);
const rows = run.rows;
const rowCount = rows.name.length;

/** Numbers that are not finite stand as text in the data. */
const num = (value) => ({ inf: Infinity, "-inf": -Infinity, nan: NaN })[value] ?? value;
for (const column of ["error", "max_abs", "needed", "gain", "ratio"]) {
  rows[column] = rows[column].map(num);
}

let detailLines = null;
/** All that is known of one checkpoint; parsed when asked for. */
function detailOf(row) {
  detailLines ??= byId("details").textContent.split("\n");
  return JSON.parse(detailLines[row]);
}

const kVerdicts = ["FAIL", "SHAPE", "NONFINITE", "INCONCLUSIVE", "MISSING", "INHERITED", "PASS"];
const kRank = Object.fromEntries(kVerdicts.map((name, i) => [name, kVerdicts.length - i]));
kRank.INHERITED = kRank.MISSING + 0.5;

function short(value, digits = 2) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  if (value === 0) return "0";
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  return value.toExponential(digits).replace("e+", "e").replace(/-/g, "−");
}

/** For people: 35 %, 3.0e−7, 0. */
function amount(value) {
  if (!Number.isFinite(value) || Math.abs(value) < 1e-3 || value >= 100) return short(value, 1);
  return `${Number((value * 100).toPrecision(2))} %`;
}

function times(value) {
  if (!Number.isFinite(value)) return "∞";
  if (value < 1000) return `×${Number(value.toPrecision(2))}`;
  return `×${Number(value.toPrecision(2)).toLocaleString("en")}`;
}

/** A value of a tensor, nine digits at most. */
function exact(value) {
  value = num(value);
  if (!Number.isFinite(value)) return short(value);
  const text = String(Number(value.toPrecision(7)));
  return text.replace(/-/g, "−");
}

const counted = (count, what) => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;

/** element("p", {class: "x", onclick: f}, "text", child…) */
function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function replace(parent, ...children) {
  parent.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
}

/** A name that may break after its dots. */
function nameElement(name) {
  const node = element("code", { class: "name" });
  for (const [i, part] of name.split(".").entries()) {
    if (i > 0) node.append(".", document.createElement("wbr"));
    node.append(part);
  }
  return node;
}

const verdictClass = (verdict) => `is-${verdict.toLowerCase()}`;

/** A button that jumps to a checkpoint. */
function link(row, text = rows.name[row]) {
  return element("button", { type: "button", class: "link", onclick: () => select(row, true) }, nameElement(text));
}

/** The page's colours, read again when they change. */
const colours = {};
function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["paper", "ink", "dim", "line", "fail", "inherited", "pass", "missing", "cold", "warm", "hot"]) {
    colours[name] = style.getPropertyValue(`--${name}`).trim();
  }
}

function colourOf(verdict) {
  if (verdict === "PASS") return colours.pass;
  if (verdict === "INHERITED") return colours.inherited;
  return verdict === "MISSING" || verdict === "INCONCLUSIVE" ? colours.missing : colours.fail;
}
