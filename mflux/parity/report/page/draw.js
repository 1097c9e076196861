// Pictures of numbers: canvases at the screen's resolution, heat maps, histograms.

/** A canvas context in CSS pixels, sized to the element. */
function contextOf(canvas, height) {
  const width = Math.max(1, canvas.clientWidth);
  const ratio = window.devicePixelRatio || 1;
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  context.font = "11px ui-sans-serif, Inter, system-ui, sans-serif";
  return { context, width, height };
}

const parseColour = (text) => [1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16));

/** From 0 (no error) to 1 (the largest), as [r, g, b]. */
function heatColour(share) {
  const stops = [colours.paper, colours.cold, colours.warm, colours.hot].map(parseColour);
  const at = Math.min(share, 0.9999) * (stops.length - 1);
  const i = Math.floor(at);
  return stops[i].map((value, c) => Math.round(value + (stops[i + 1][c] - value) * (at - i)));
}

function bytesOf(text) {
  const raw = atob(text);
  return Uint8Array.from(raw, (character) => character.charCodeAt(0));
}

/** A cell's |d|: 0 for none, 255 for an infinite one, else by the logarithm (page_json.cpp). */
function errorOfShade(shade, map) {
  if (shade === 0) return 0;
  if (shade === 255) return Infinity;
  return num(map.top) * 10 ** (map.decades * ((shade - 1) / 253 - 1));
}

function paintHeat(canvas, map, kind) {
  const bytes = bytesOf(map[kind]);
  canvas.width = map.columns;
  canvas.height = map.rows;
  const context = canvas.getContext("2d");
  const image = context.createImageData(map.columns, map.rows);
  bytes.forEach((shade, i) => {
    const colour = shade === 255 ? parseColour(colours.ink) : heatColour(shade === 0 ? 0 : 0.08 + (0.92 * shade) / 254);
    image.data.set([...colour, 255], 4 * i);
  });
  context.putImageData(image, 0, 0);
  return bytes;
}

const svg = (tag, attributes, ...children) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
};

/** Bars of counts on a square-root scale, so that a few among many are seen. labels: [[bar, text]…] */
function histogram(counts, names, labels, title) {
  const width = 320, height = 84, floor = height - 16;
  const most = Math.max(1, ...counts);
  const step = width / Math.max(counts.length, 1);
  const chart = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "histogram", role: "img", "aria-label": title });
  counts.forEach((count, i) => {
    const tall = count === 0 ? 0 : Math.max(1.5, Math.sqrt(count / most) * (floor - 4));
    const bar = svg("rect", { x: i * step + 0.5, y: floor - tall, width: Math.max(step - 1, 1), height: tall });
    bar.append(svg("title", {}, `${names[i]}: ${counted(count, "element")}`));
    chart.append(bar);
  });
  chart.append(svg("line", { x1: 0, x2: width, y1: floor + 0.5, y2: floor + 0.5 }));
  for (const [bar, text] of labels) {
    const at = (bar + 0.5) * step;
    const anchor = at < 24 ? "start" : at > width - 24 ? "end" : "middle";
    const x = anchor === "start" ? 0 : anchor === "end" ? width : at;
    chart.append(svg("text", { x, y: height - 3, "text-anchor": anchor }, text));
  }
  return chart;
}

function showTooltip(event, text) {
  const tip = byId("tooltip");
  tip.hidden = text === null;
  if (text === null) return;
  tip.textContent = text;
  tip.style.left = `${Math.max(4, Math.min(event.clientX + 12, window.innerWidth - tip.offsetWidth - 8))}px`;
  tip.style.top = `${Math.min(event.clientY + 14, window.innerHeight - tip.offsetHeight - 4)}px`;
}

/** What lies under the pointer is told; a click shows the checkpoint. `at(x, y)` gives a row or null. */
function makePointable(canvas, at) {
  const rowAt = (event) => {
    const box = canvas.getBoundingClientRect();
    return at(event.clientX - box.left, event.clientY - box.top);
  };
  canvas.addEventListener("pointermove", (event) => {
    const row = rowAt(event);
    canvas.style.cursor = row === null ? "default" : "pointer";
    showTooltip(event, row === null ? null : `${rows.name[row]}\n${rows.verdict[row]}  ${short(rows.error[row])}`);
  });
  canvas.addEventListener("pointerleave", (event) => showTooltip(event, null));
  canvas.addEventListener("click", (event) => {
    const row = rowAt(event);
    if (row !== null) select(row, true);
  });
}
