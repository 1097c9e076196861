// The list: only the rows in sight are elements.

const list = byId("list");
const rowsBox = byId("rows");
let items = [];
let active = 0;
let rowHeight = 28;
let scheduled = false;
const kOverscan = 8;

const isGroup = (entry) => Boolean(entry.item.children);

function cell(className, ...children) {
  return element("span", { role: "gridcell", class: className }, ...children);
}

function barOf(value, mark, verdict) {
  const bar = element("span", { class: `bar ${verdictClass(verdict)}` });
  const fill = element("span", { class: "fill" });
  fill.style.width = `${100 * position(value, view.metric)}%`;
  bar.append(fill);
  if (mark) {
    const line = element("span", { class: "mark" });
    line.style.left = `${100 * position(mark, view.metric)}%`;
    bar.append(line);
  }
  return bar;
}

/** How much a failing checkpoint adds to what came in; of those that pass it is noise over noise. */
function gainOf(row) {
  const gain = rows.gain[row];
  return gain === null || rows.verdict[row] === "PASS" ? "" : gain < 0.01 ? short(gain, 1) : times(gain).slice(1);
}

function rowElement(index) {
  const entry = items[index];
  const { item, depth } = entry;
  const group = isGroup(entry);
  const verdict = group ? item.worst : rows.verdict[item.row];
  const value = group ? item.error : rows[view.metric][item.row];
  const node = element("div", {
    role: "row",
    id: `item-${index}`,
    class: `row ${group ? "group" : "leaf"} ${verdictClass(verdict)}`,
    "aria-level": depth + 1,
    "aria-posinset": entry.position,
    "aria-setsize": entry.siblings,
    "aria-rowindex": index + 2,
    "aria-expanded": group ? String(item.open) : null,
    "aria-selected": String(!group && item.row === view.selected),
  });
  if (index === active) node.classList.add("active");
  if (!group && run.first && item.row === run.first.row) node.classList.add("first");
  const name = cell("label", group ? element("span", { class: "twist", "aria-hidden": "true" }) : null, element("bdi", {}, item.label));
  name.style.paddingInlineStart = `${0.5 + Math.min(depth, 8) * 0.9 + (group ? 0 : 0.9)}rem`;
  if (group) name.append(element("span", { class: "total" }, String(item.total)));
  const shownValue = group && view.metric !== "error" ? null : value;
  node.append(
    name,
    cell("badge", element("span", {}, group && verdict === "PASS" ? "" : verdict)),
    cell("chart", shownValue === null ? null : barOf(shownValue, group ? null : markOf(item.row, view.metric), verdict)),
    cell("number", group && view.metric !== "error" ? "" : short(value)),
    cell("number gain", group ? "" : gainOf(item.row)),
  );
  node.style.top = `${index * rowHeight}px`;
  node.addEventListener("click", () => activate(index, true));
  return node;
}

function headHeight() {
  return list.querySelector(".head").offsetHeight;
}

function draw() {
  scheduled = false;
  rowHeight = parseFloat(getComputedStyle(list).getPropertyValue("--row")) || 28;
  rowsBox.style.height = `${items.length * rowHeight}px`;
  const all = document.documentElement.classList.contains("printing");
  const first = all ? 0 : Math.max(0, Math.floor(list.scrollTop / rowHeight) - kOverscan);
  const seen = Math.ceil(list.clientHeight / rowHeight) + 2 * kOverscan;
  const last = all ? items.length : Math.min(items.length, first + seen);
  const shown = [];
  for (let index = first; index < last; ++index) shown.push(rowElement(index));
  rowsBox.replaceChildren(...shown);
  const inSight = active >= first && active < last && items.length > 0;
  if (inSight) list.setAttribute("aria-activedescendant", `item-${active}`);
  else list.removeAttribute("aria-activedescendant");
}

function scheduleDraw() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(draw);
}

/** After filters, order or folding changed. */
function refresh(keepRow = view.selected) {
  items = visibleItems();
  list.setAttribute("aria-rowcount", String(items.length + 1));
  const kept = items.findIndex((entry) => entry.item.row === keepRow && keepRow !== null);
  active = kept >= 0 ? kept : Math.min(active, Math.max(0, items.length - 1));
  const found = isFiltered() ? items.length : rowCount;
  byId("shown").textContent = isFiltered() ? `${found} of ${counted(rowCount, "checkpoint")}` : counted(rowCount, "checkpoint");
  draw();
}

function scrollToActive() {
  const top = active * rowHeight;
  const room = list.clientHeight - headHeight();
  if (top < list.scrollTop) list.scrollTop = top;
  else if (top + rowHeight > list.scrollTop + room) list.scrollTop = top + rowHeight - room;
}

function toggle(index, open) {
  const { item } = items[index];
  item.open = open;
  items = visibleItems();
  list.setAttribute("aria-rowcount", String(items.length + 1));
  active = Math.max(0, items.findIndex((entry) => entry.item === item));
  scheduleDraw();
}

/** Makes a row of the list the current one: a checkpoint is shown, a group by a click folds. */
function activate(index, byPointer = false) {
  if (items.length === 0) return;
  active = Math.min(Math.max(index, 0), items.length - 1);
  const entry = items[active];
  scrollToActive();
  if (!isGroup(entry)) show(entry.item.row, byPointer);
  else if (byPointer) return toggle(active, !entry.item.open);
  scheduleDraw();
}

/** Shows a checkpoint from elsewhere: filters that hide it are taken away. */
function select(row, byPointer = false) {
  if (isFiltered() && !filteredRows().includes(row)) clearFilters();
  reveal(row);
  show(row, byPointer);
  refresh(row);
  const room = list.clientHeight - headHeight();
  list.scrollTop = Math.max(0, active * rowHeight - room / 3);
  draw();
}

function onListKey(event) {
  const page = Math.max(1, Math.floor((list.clientHeight - headHeight()) / rowHeight) - 1);
  const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -items.length, End: items.length };
  const entry = items[active];
  if (event.ctrlKey || event.metaKey || event.altKey || !entry) return;
  if (event.key in moves) activate(active + moves[event.key]);
  else if (event.key === "ArrowRight" && isGroup(entry)) entry.item.open ? activate(active + 1) : toggle(active, true);
  else if (event.key === "ArrowLeft" && isGroup(entry) && entry.item.open) toggle(active, false);
  else if (event.key === "ArrowLeft") goToParent(entry);
  else if (event.key === "Enter" && isGroup(entry)) toggle(active, !entry.item.open);
  else if (event.key === "Enter") openDetail(entry.item.row);
  else return;
  event.preventDefault();
}

function goToParent(entry) {
  const at = items.findIndex((other) => other.item === entry.item.parent);
  if (at >= 0) activate(at);
}

list.addEventListener("scroll", scheduleDraw, { passive: true });
list.addEventListener("keydown", onListKey);
