// What a proof is seen by: strips of neighbouring values, both sides against each other, the module as a curve.

const kPlot = { width: 260, height: 200, left: 8, bottom: 18, top: 8 };

const finiteOf = (values) => values.filter((value) => value !== null && Number.isFinite(value));

function rangeOfValues(values) {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (!(low < high)) return [low - 1, low + 1];
  const margin = (high - low) * 0.04;
  return [low - margin, high + margin];
}

/** An axis' end: 2.2, −0.04, 1.6e−5. */
function tick(value) {
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-2 || size >= 1e4) ? short(value, 1) : String(Number(value.toPrecision(2))).replace("-", "−");
}

/** series: [{kind, points: [[x, y]…]}…]; lines: y = x ("diagonal") or y = 0 ("zero") as a guide. */
function plot({ title, across, up, guide, series }) {
  const all = series.flatMap(({ points }) => points);
  const square = guide === "diagonal";
  const [xLow, xHigh] = rangeOfValues(all.flatMap(([x, y]) => (square ? [x, y] : [x])));
  const [yLow, yHigh] = square ? [xLow, xHigh] : rangeOfValues(all.map(([, y]) => y));
  const { width, height, left, bottom, top } = kPlot;
  const x = (value) => left + ((value - xLow) / (xHigh - xLow)) * (width - 2 * left);
  const y = (value) => height - bottom - ((value - yLow) / (yHigh - yLow)) * (height - bottom - top);
  const chart = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "plot", role: "img", "aria-label": `${title}: ${up} over ${across}` });
  chart.append(svg("rect", { class: "frame", x: left, y: top, width: width - 2 * left, height: height - bottom - top }));
  if (square) chart.append(svg("line", { class: "guide", x1: x(xLow), y1: y(xLow), x2: x(xHigh), y2: y(xHigh) }));
  else if (guide === "zero" && yLow < 0 && yHigh > 0) chart.append(svg("line", { class: "guide", x1: x(xLow), y1: y(0), x2: x(xHigh), y2: y(0) }));
  for (const { kind, points } of series) {
    const path = points.map(([a, b]) => `M${x(a).toFixed(1)} ${y(b).toFixed(1)}h0`).join("");
    chart.append(svg("path", { class: `dots ${kind}`, d: path }));
  }
  chart.append(svg("text", { x: left, y: height - 4 }, tick(xLow)), svg("text", { x: width - left, y: height - 4, "text-anchor": "end" }, tick(xHigh)));
  chart.append(svg("text", { x: width / 2, y: height - 4, "text-anchor": "middle" }, across));
  chart.append(svg("text", { x: left + 5, y: top + 12 }, square ? up : `${up}, ${tick(yLow)} to ${tick(yHigh)}`));
  return element("figure", { class: "plot-figure" }, element("figcaption", {}, title), chart);
}

/** Small errors are seen as differences, large ones as values. */
const kSmallError = 0.15;

function scatters(cause) {
  const { points, is_second: second } = cause.evidence;
  const known = points.filter((point) => point.every((value) => value !== null));
  const reference = second ? "reference, first cause applied" : "reference";
  const small = cause.before !== null && cause.before < kSmallError;
  const pair = (from, to) => known.map((point) => [point[from], small ? point[to] - point[from] : point[to]]);
  if (known.length === 0) {
    const left = points.filter(([, ...both]) => both.every((value) => value !== null));
    if (left.length === 0) return [];
    const after = left.map(([, port, predicted]) => [predicted, port]);
    return [plot({ title: "After", across: "predicted", up: "port", guide: "diagonal", series: [{ kind: "good", points: after }] })];
  }
  const guide = small ? "zero" : "diagonal";
  const before = pair(0, 1), after = pair(2, 1);
  // Both on one scale: an error that is gone is seen to be gone.
  const same = [{ kind: "hidden", points: before }];
  return [
    plot({ title: "Before", across: reference, up: small ? "port − reference" : "port", guide, series: [{ kind: "bad", points: before }] }),
    plot({ title: "After", across: "predicted", up: small ? "port − predicted" : "port", guide, series: [...same, { kind: "good", points: after }] }),
  ];
}

function curvePlot({ curve }) {
  const known = curve.filter((point) => point.every((value) => value !== null));
  if (known.length === 0) return null;
  const series = [
    { kind: "plain", points: known.map(([x, y]) => [x, y]) },
    { kind: "bad", points: known.map(([, , x, y]) => [x, y]) },
    { kind: "good", points: known.map(([, , x, , y]) => [x, y]) },
  ];
  const figure = plot({ title: "Output over input", across: "input", up: "output", guide: "zero", series });
  const legend = element("p", { class: "legend" });
  for (const [kind, text] of [["plain", "reference"], ["bad", "port"], ["good", "predicted"]]) legend.append(element("span", { class: kind }, text));
  figure.append(legend);
  return figure;
}

function cells(values, most, at, chart, names) {
  values.forEach((value, i) => {
    const share = value === null || most === 0 ? 0 : Math.abs(value) / most;
    const cell = svg("rect", { class: value < 0 ? "cell negative" : "cell", x: at.x + i * at.step, y: at.y, width: at.step - 1, height: at.height, "fill-opacity": (0.06 + 0.94 * share).toFixed(2) });
    cell.append(svg("title", {}, `${names[i]}: ${value === null ? "not finite" : exact(value)}`));
    chart.append(cell);
  });
}

function bars(values, most, at, chart, kind) {
  const half = at.height / 2;
  chart.append(svg("line", { class: "guide", x1: at.x, x2: at.x + values.length * at.step - 1, y1: at.y + half, y2: at.y + half }));
  values.forEach((value, i) => {
    const tall = most === 0 || value === null ? 0 : (Math.abs(value) / most) * half;
    const bar = svg("rect", { class: `bar-of ${kind}`, x: at.x + i * at.step, y: value > 0 ? at.y + half - tall : at.y + half, width: at.step - 1, height: Math.max(tall, value === 0 ? 0 : 0.7) });
    bar.append(svg("title", {}, short(value)));
    chart.append(bar);
  });
}

function stripChart(strip, names, second) {
  const count = strip.port.length;
  const rowsOf = [[second ? "explained" : "reference", strip.ref], ["port", strip.port], ["predicted", strip.predicted]].filter(([, values]) => values.length > 0);
  const most = Math.max(0, ...finiteOf(rowsOf.flatMap(([, values]) => values)).map(Math.abs));
  const left = 66, width = 620, step = (width - left) / count;
  const differences = (values) => values.map((value, i) => (value === null || strip.port[i] === null ? null : strip.port[i] - value));
  const errors = [["d before", strip.ref, "bad"], ["d after", strip.predicted, "good"]].filter(([, values]) => values.length > 0).map(([label, values, kind]) => [label, differences(values), kind]);
  const largest = Math.max(0, ...finiteOf(errors.flatMap(([, values]) => values)).map(Math.abs));
  const chart = svg("svg", { viewBox: `0 0 ${width} ${rowsOf.length * 18 + errors.length * 34 + 4}`, class: "strip", role: "img", "aria-label": `${counted(count, "value")} around the worst place, from flat index ${strip.begin} on` });
  let y = 0;
  for (const [label, values] of rowsOf) {
    chart.append(svg("text", { x: 0, y: y + 12 }, label));
    cells(values, most, { x: left, y, step, height: 16 }, chart, names);
    y += 18;
  }
  for (const [label, values, kind] of errors) {
    chart.append(svg("text", { x: 0, y: y + 21 }, label));
    bars(values, largest, { x: left, y: y + 3, step, height: 30 }, chart, kind);
    y += 34;
  }
  return chart;
}

function stripFigure({ strip, is_second: second }) {
  if (strip.port.length === 0) return null;
  const names = strip.port.map((_, i) => String(strip.begin + i));
  const text = (value) => (value === null || value === undefined ? "–" : exact(value));
  const lines = names.map((name, i) => element("tr", {}, element("th", { scope: "row" }, name), ...[strip.ref[i], strip.port[i], strip.predicted[i]].map((value) => element("td", {}, text(value)))));
  const head = ["index", second ? "explained" : "reference", "port", "predicted"].map((name) => element("th", { scope: "col" }, name));
  const table = element("table", { class: "values" }, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...lines));
  const caption = `${counted(names.length, "value")} around the worst place`;
  const numbers = element("details", {}, element("summary", {}, "as numbers"), element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, table));
  return element("figure", { class: "strip-figure" }, element("figcaption", {}, caption), element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Strips" }, stripChart(strip, names, second)), numbers);
}
