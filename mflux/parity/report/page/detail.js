// The panel of one checkpoint.

const panel = byId("detail");
const kNumbers = [
  ["rel_l2", "relative L2"], ["max_abs", "largest |d|"], ["mean_abs", "mean |d|"], ["rms", "RMS of d"],
  ["max_rel", "largest relative"], ["rel_floor", "its floor"], ["peak_rel", "largest |d| / peak"], ["cosine", "cosine"],
  ["centred_cosine", "centred cosine"], ["slope", "slope"], ["intercept", "intercept"],
  ["error_balance", "error balance"], ["passing_tolerance", "tolerance that passes"], ["outside", "outside tolerance"],
  ["count", "compared"], ["unequal", "unequal"], ["nonfinite_mismatch", "not finite on one side"],
  ["ref_rms", "RMS of reference"], ["ref_max", "peak of reference"], ["ref_mean", "mean of reference"],
  ["port_mean", "mean of port"], ["input_error", "error of inputs"], ["gain", "gain"],
  ["ref32_error", "reference to ref32"], ["port32_error", "port to ref32"], ["ratio", "ratio"],
];

function section(title, ...children) {
  return element("section", { class: "part" }, element("h3", {}, title), ...children);
}

/** [2, 0, 17] of a flat index. */
function placeOf(index, shape) {
  const place = [];
  for (let axis = shape.length - 1; axis >= 0; --axis) {
    place.unshift(index % shape[axis]);
    index = Math.floor(index / shape[axis]);
  }
  return `[${place.join(", ")}]`;
}

function valueTable(caption, entries) {
  const body = entries.map(([place, ref, port]) => {
    const d = num(port) - num(ref);
    const equal = d === 0 || String(ref) === String(port);
    return element(
      "tr",
      { class: equal ? "equal" : null },
      element("th", { scope: "row" }, place),
      element("td", {}, exact(ref)),
      element("td", {}, exact(port)),
      element("td", { class: "difference" }, equal ? "0" : short(d, 1)),
    );
  });
  const head = ["index", "reference", "port", "d"].map((name) => element("th", { scope: "col" }, name));
  const table = element("table", { class: "values" }, element("caption", {}, caption), element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...body));
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, table);
}

function stripTable(caption, strip) {
  return valueTable(caption, strip.ref.map((ref, i) => [String(strip.begin + i), ref, strip.port[i]]));
}

function errorHistogram({ first, counts, equal, nonfinite }) {
  const names = counts.map((_, i) => `|d| from ${short(2 ** (first + i), 1)} to ${short(2 ** (first + i + 1), 1)}`);
  const labels = [];
  const every = counts.length > 40 ? 4 : counts.length > 14 ? 2 : 1;
  for (let i = 0; i < counts.length; ++i) {
    const decade = Math.ceil(Math.log10(2 ** (first + i)) - 1e-9);
    if (10 ** decade < 2 ** (first + i + 1) && decade % every === 0) labels.push([i, `1e${decade}`]);
  }
  const notes = [];
  if (equal > 0) notes.push(`${counted(equal, "element")} equal`);
  if (nonfinite > 0) notes.push(`${counted(nonfinite, "element")} not finite on one side`);
  const note = notes.length > 0 ? element("p", { class: "note" }, notes.join(", ")) : null;
  return section("Distribution of |d|", counts.length > 0 ? histogram(counts, names, labels, "Histogram of |d| by powers of two") : null, note);
}

function ulpHistogram(counts, dtype) {
  const last = counts.findLastIndex((count) => count > 0);
  const shown = counts.slice(0, last + 1);
  const range = (i) => (i === 0 ? "< 1" : i === 1 ? "1" : `${2 ** (i - 1)} to ${2 ** i - 1}`);
  const labels = shown.map((_, i) => [i, i === 0 ? "< 1" : i < 11 ? String(2 ** (i - 1)) : `2^${i - 1}`]);
  const every = Math.max(1, Math.ceil(shown.length / 8));
  return section(`Distance in units of the last place, ${dtype}`, histogram(shown, shown.map((_, i) => `${range(i)} ULP`), labels.filter((_, i) => i % every === 0), "Histogram of distances in ULP"));
}

function axisName(axis, shape) {
  return axis < 0 ? "" : `axis ${axis} (${shape[axis].toLocaleString("en")})`;
}

function rangeOf(cell, cells, size) {
  const begin = Math.ceil((cell * size) / cells), end = Math.ceil(((cell + 1) * size) / cells);
  return end - begin === 1 ? String(begin) : `${begin}:${end}`;
}

function heatSection(detail) {
  const shape = detail.compared_shape;
  const canvas = element("canvas", { class: "heat", role: "img", "aria-label": "Heat map of |d|" });
  const vertical = element("span", { class: "axis vertical" }), horizontal = element("span", { class: "axis" });
  const legend = element("p", { class: "note" });
  const kind = element("select", { "aria-label": "What a cell shows" }, element("option", { value: "max" }, "largest |d|"), element("option", { value: "mean" }, "mean |d|"));
  const names = detail.heat.map((map) => map.axes.filter((axis) => axis >= 0).map((axis) => axisName(axis, shape)).join(" × "));
  const axes = element("select", { "aria-label": "Axes" }, ...names.map((name, i) => element("option", { value: i }, name)));
  let bytes, map;
  const paint = () => {
    map = detail.heat[axes.value || 0];
    bytes = paintHeat(canvas, map, kind.value);
    canvas.style.height = `${Math.min(260, Math.max(28, (map.rows * 420) / Math.max(map.columns, 12)))}px`;
    vertical.textContent = axisName(map.axes[0], shape);
    horizontal.textContent = axisName(map.axes[1], shape);
    legend.textContent = `from 0, the page's own colour, to ${short(num(map.top))}; logarithmic over ${map.decades} decades`;
  };
  kind.addEventListener("change", paint);
  axes.addEventListener("change", paint);
  canvas.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    const row = Math.min(map.rows - 1, Math.floor(((event.clientY - box.top) * map.rows) / box.height));
    const column = Math.min(map.columns - 1, Math.floor(((event.clientX - box.left) * map.columns) / box.width));
    const ranges = [[map.axes[0], row, map.rows], [map.axes[1], column, map.columns]].filter(([axis]) => axis >= 0);
    const place = ranges.map(([axis, cell, cells]) => `axis ${axis}: ${rangeOf(cell, cells, shape[axis])}`).join("\n");
    showTooltip(event, `${place}\n|d| ${short(errorOfShade(bytes[row * map.columns + column], map))}`);
  });
  canvas.addEventListener("pointerleave", (event) => showTooltip(event, null));
  paint();
  panel.repaint = paint;
  const controls = element("div", { class: "controls" }, kind, names.length > 1 ? axes : null);
  return section("Where it differs", controls, element("div", { class: "heat-frame" }, vertical, canvas, horizontal), legend);
}

function copyButton(text, label = "Copy the name") {
  const button = element("button", { type: "button", class: "quiet copy", "aria-label": label }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const field = element("textarea", {}, text);
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
      button.focus();
    }
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1200);
  });
  return button;
}

function numbersSection(detail) {
  const facts = element("dl", { class: "numbers" });
  for (const [key, label] of kNumbers) {
    const value = num(detail[key]);
    if (value === null || value === undefined) continue;
    const isCount = ["outside", "count", "unequal", "nonfinite_mismatch"].includes(key);
    const text = isCount ? value.toLocaleString("en") : /cosine|slope|balance/.test(key) ? exact(value) : short(value, 3);
    facts.append(element("div", {}, element("dt", {}, label), element("dd", {}, text)));
  }
  const [p50, p90, p99, p999] = (detail.error_percentiles ?? []).map(num);
  if (p50 !== undefined) {
    const text = [p50, p90, p99, p999].map((value) => short(value, 1)).join("  ");
    facts.append(element("div", { class: "wide" }, element("dt", {}, "|d| at 50, 90, 99, 99.9 %"), element("dd", {}, text)));
  }
  return section("All numbers", facts);
}

function ruleText(detail) {
  const tolerance = detail.atol === null ? "" : `atol ${short(detail.atol, 0)} rtol ${short(detail.rtol, 0)}, `;
  return `${tolerance}${detail.rule}`;
}

function headOf(row, detail) {
  const facts = [rows.shape[row], rows.dtype[row]];
  if (detail.effective_dtype && detail.effective_dtype !== detail.dtype) facts.push(`holds ${detail.effective_dtype}`);
  if (detail.class) facts.push(detail.class);
  if (detail.port_name && detail.port_name !== rows.name[row]) facts.push(`the port's ${detail.port_name}, matched by ${detail.matched_by}`);
  return element(
    "header",
    {},
    element("button", { type: "button", class: "quiet close", onclick: closeDetail }, "Back"),
    element("h2", {}, nameElement(rows.name[row])),
    element("p", { class: "facts" }, element("span", { class: `tag ${verdictClass(detail.verdict)}` }, detail.verdict), ` ${facts.join(" · ")} `, copyButton(rows.name[row])),
    element("p", { class: "rule" }, ruleText(detail)),
    ...detail.notes.map((note) => element("p", { class: "rule" }, note)),
  );
}

function detailParts(row, detail) {
  const parts = [headOf(row, detail)];
  if (detail.count === undefined) return parts;
  const differs = detail.heat.length > 0;
  if (detail.pictures) parts.push(picturesSection(detail.pictures));
  if (differs) parts.push(heatSection(detail));
  const worst = detail.worst_elements.map(([index, ref, port]) => [placeOf(index, detail.compared_shape), ref, port]);
  if (differs) parts.push(section("Worst elements", valueTable("largest |d| first", worst)));
  const charts = [];
  if (differs) charts.push(errorHistogram(detail.histogram));
  if (differs && detail.ulp_histogram.length > 0) charts.push(ulpHistogram(detail.ulp_histogram, detail.effective_dtype));
  if (charts.length > 0) parts.push(element("div", { class: "pair" }, ...charts));
  const strips = [stripTable("from the first on", detail.first_values)];
  if (detail.worst_values.begin > 0) strips.push(stripTable("around the worst", detail.worst_values));
  parts.push(section("Values", element("div", { class: "pair" }, ...strips)));
  parts.push(numbersSection(detail));
  return parts;
}

/** Shows a checkpoint; on a narrow screen only a click brings the panel to the front. */
function show(row, byPointer = false) {
  view.selected = row;
  panel.repaint = null;
  panel.scrollTop = 0;
  replace(panel, ...detailParts(row, detailOf(row)));
  if (byPointer) document.body.classList.add("reading");
}

function openDetail(row) {
  show(row, true);
  panel.focus();
}

function closeDetail() {
  document.body.classList.remove("reading");
  list.focus();
}
