// Puts the parts together: what is typed, chosen and pressed.

let columns = [];

function paintAll() {
  readColours();
  columns = drawProfile();
  drawSteps();
  draw();
  panel.repaint?.();
}

function clearFilters() {
  view.text = byId("search").value = "";
  view.verdict = null;
  drawCounts();
}

function stored(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function setTheme(theme) {
  const button = byId("theme");
  document.documentElement.dataset.theme = theme;
  button.textContent = { auto: "Auto", light: "Light", dark: "Dark" }[theme];
  button.setAttribute("aria-label", `Colours: ${button.textContent}`);
  try {
    localStorage.setItem("mflux-report-theme", theme);
  } catch {
    // A page from disk may have no storage.
  }
  paintAll();
}

function nextTheme() {
  const themes = ["auto", "light", "dark"];
  setTheme(themes[(themes.indexOf(document.documentElement.dataset.theme) + 1) % themes.length]);
}

const kMetricHeads = { error: ["error", "rel. L2"], needed: ["tolerance needed", "needed"], max_abs: ["largest |d|", "max |d|"] };

function setMetric(metric) {
  view.metric = metric;
  byId("bar-head").textContent = kMetricHeads[metric][0];
  byId("number-head").textContent = kMetricHeads[metric][1];
  draw();
}

function onKey(event) {
  const typing = event.target.matches("input, select, textarea");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    byId("search").focus();
    byId("search").select();
  } else if (event.key === "Escape") {
    if (document.body.classList.contains("reading") && !typing) closeDetail();
    else if (isFiltered()) {
      clearFilters();
      refresh();
      scrollToActive();
      list.focus();
    } else list.focus();
  }
}

function onSearchKey(event) {
  if (event.key !== "ArrowDown" && event.key !== "Enter") return;
  event.preventDefault();
  list.focus();
  activate(0);
}

function print(on) {
  document.documentElement.classList.toggle("printing", on);
  draw();
}

function start() {
  setTheme(stored("mflux-report-theme") ?? "auto");
  drawHero();
  openFailing();
  refresh();
  makePointable(byId("profile"), (x) => columns[Math.floor((x * columns.length) / byId("profile").clientWidth)] ?? null);
  makePointable(byId("steps"), (x, y) => stepRowAt(x, y, byId("steps").clientWidth));
  byId("theme").addEventListener("click", nextTheme);
  byId("search").addEventListener("input", (event) => {
    view.text = event.target.value;
    refresh();
    list.scrollTop = 0;
  });
  byId("search").addEventListener("keydown", onSearchKey);
  byId("sort").addEventListener("change", (event) => {
    view.sort = event.target.value;
    refresh();
    list.scrollTop = 0;
  });
  byId("metric").addEventListener("change", (event) => setMetric(event.target.value));
  document.addEventListener("keydown", onKey);
  window.addEventListener("resize", paintAll);
  window.addEventListener("beforeprint", () => print(true));
  window.addEventListener("afterprint", () => print(false));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paintAll);
}

start();
// The details come after this script: they need not be read before the first paint.
document.addEventListener("DOMContentLoaded", () => {
  if (rowCount > 0) select(run.first ? run.first.row : worstRow() ?? 0);
});
