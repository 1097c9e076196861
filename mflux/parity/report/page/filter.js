// Which checkpoints are shown: by name and by verdict, and in which order.

const view = { text: "", verdict: null, sort: "order", metric: "error", selected: null };

/** A glob when it holds * or ?, else a piece of the name; letters' case does not count. */
function matcher(text) {
  const wanted = text.trim().toLowerCase();
  if (!/[*?]/.test(wanted)) return (name) => name.toLowerCase().includes(wanted);
  const pattern = wanted.replace(/[.+^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*").replace(/\?/g, ".");
  const expression = new RegExp(`^${pattern}$`, "s");
  return (name) => expression.test(name.toLowerCase()) || expression.test(name.toLowerCase().replace(/@step=\d+$/, ""));
}

const isFiltered = () => view.text.trim() !== "" || view.verdict !== null;

function filteredRows() {
  const matches = matcher(view.text);
  const found = [];
  for (let row = 0; row < rowCount; ++row) {
    if (view.verdict !== null && rows.verdict[row] !== view.verdict) continue;
    if (matches(rows.name[row])) found.push(row);
  }
  if (view.sort === "error" || view.sort === "gain") {
    const column = rows[view.sort];
    const key = (row) => (column[row] === null ? -1 : column[row]);
    found.sort((a, b) => (key(a) === key(b) ? a - b : key(b) - key(a)));
  }
  return found;
}

/** Where the bars begin and end, as powers of ten. */
const scales = {};
function scaleOf(metric) {
  scales[metric] ??= (() => {
    let low = metric === "error" ? -8 : Infinity;
    let high = metric === "error" ? 0 : -Infinity;
    for (const value of [...rows[metric], ...(metric === "needed" ? rows.allowed : [])]) {
      if (!value || !Number.isFinite(value)) continue;
      low = Math.min(low, Math.floor(Math.log10(value)));
      high = Math.max(high, Math.ceil(Math.log10(value)));
    }
    if (!Number.isFinite(low)) return { low: -8, high: 0 };
    low = Math.max(low, high - 16);
    return { low, high: Math.max(high, low + 1) };
  })();
  return scales[metric];
}

/** From 0 to 1; what is 0 stands at 0, the infinite at 1. */
function position(value, metric) {
  if (!value) return 0;
  if (!Number.isFinite(value)) return 1;
  const { low, high } = scaleOf(metric);
  return Math.min(1, Math.max(0.01, (Math.log10(value) - low) / (high - low)));
}

/** What a bar should not pass: the noise floor, or the tolerance. */
function markOf(row, metric) {
  return metric === "error" ? rows.floor[row] : metric === "needed" ? rows.allowed[row] : null;
}
