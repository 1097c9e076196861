// The first screen: the verdict, where it starts, by how much.

const kOwnError = "the reference's own error";

function headline() {
  const { first, verdict } = run;
  if (first) return ["starts at ", nameElement(rows.name[first.row])];
  if (verdict === "MISSING") return [`The port lacks ${counted(countOf("MISSING", false), "checkpoint")}.`];
  if (verdict === "INCONCLUSIVE") return ["The reference itself is too uncertain to tell."];
  return [`${rowCount === 1 ? "The one checkpoint agrees" : `All ${counted(comparedCount(), "checkpoint")} agree`}.`];
}

const comparedCount = () => rowCount - rows.allowed_missing.filter(Boolean).length;

function countOf(verdict, allowed) {
  let count = 0;
  for (let row = 0; row < rowCount; ++row) {
    count += rows.verdict[row] === verdict && rows.allowed_missing[row] === allowed;
  }
  return count;
}

function worstRow() {
  let worst = null;
  for (let row = 0; row < rowCount; ++row) {
    if (rows.error[row] !== null && (worst === null || rows.error[row] > rows.error[worst])) worst = row;
  }
  return worst;
}

function explanation() {
  const { first } = run;
  if (first) {
    const where = ["In the forward of ", nameElement(first.owner)];
    if (first.between) {
      const [before, after] = first.between.split(" and ");
      where.push(", between ", nameElement(before));
      if (after) where.push(" and ", nameElement(after));
    }
    // The figures beside it say as much.
    if (/^error .* in what it is computed from$/.test(first.why)) return [...where, "."];
    return [...where, `. ${first.why.charAt(0).toUpperCase()}${first.why.slice(1)}.`];
  }
  const worst = worstRow();
  if (worst === null || rows.error[worst] === 0) return ["Every value is equal."];
  return ["The largest error is ", amount(rows.error[worst]), ", at ", link(worst), "."];
}

function figure(value, what) {
  return element("div", {}, element("dt", {}, what), element("dd", {}, value));
}

function figures() {
  if (!run.first) return [];
  const { row, input_error: input } = run.first;
  const out = [];
  const verdict = rows.verdict[row];
  if (verdict === "SHAPE" || verdict === "NONFINITE") out.push(figure(verdict === "SHAPE" ? "shape" : "NaN, ∞", "differs"));
  else out.push(figure(amount(rows.error[row]), "relative error here"));
  if (input !== null) out.push(figure(amount(num(input)), "in what it is computed from"));
  if (rows.gain[row] !== null && Number.isFinite(rows.gain[row])) out.push(figure(times(rows.gain[row]), "gain"));
  if (rows.ratio[row] !== null) out.push(figure(times(rows.ratio[row]), kOwnError));
  return out;
}

function countButton(verdict, count, note = "") {
  const pressed = view.verdict === verdict;
  const button = element(
    "button",
    { type: "button", class: `count ${verdictClass(verdict)}`, "aria-pressed": String(pressed) },
    element("b", {}, count.toLocaleString("en")),
    ` ${verdict}${note}`,
  );
  button.style.flexGrow = String(Math.max(count, 1));
  button.addEventListener("click", () => {
    view.verdict = pressed ? null : verdict;
    drawCounts();
    refresh();
    list.scrollTop = 0;
    byId("counts").querySelector(`.${verdictClass(verdict)}`)?.focus();
  });
  return button;
}

function drawCounts() {
  const buttons = [];
  for (const verdict of kVerdicts) {
    const allowed = countOf(verdict, true);
    const count = countOf(verdict, false) + allowed;
    if (count > 0) buttons.push(countButton(verdict, count, allowed > 0 ? ` (${allowed} allowed)` : ""));
  }
  replace(byId("counts"), ...buttons);
}

function message(kind, ...children) {
  return element("div", { class: `message ${kind}` }, ...children);
}

function listOf(texts, most = 6) {
  const shown = texts.slice(0, most).map((text) => element("li", {}, text));
  const rest = texts.slice(most).map((text) => element("li", {}, text));
  if (rest.length > 0) {
    const more = element("button", { type: "button", class: "quiet", onclick: () => more.parentNode.replaceWith(...rest) }, `${rest.length} more`);
    shown.push(element("li", {}, more));
  }
  return element("ul", {}, ...shown);
}

function drawMessages() {
  const out = [];
  if (run.run_facts.length > 0) out.push(message("warning", element("h2", {}, "The two runs differ"), listOf(run.run_facts)));
  if (run.findings.length > 0) {
    const found = run.findings.map((finding) => {
      const item = element("span", {}, element("b", { class: "kind" }, finding.kind.replace(/_/g, " ")), " ", finding.text);
      finding.rows.forEach((row) => row !== null && item.append(" ", link(row)));
      return item;
    });
    out.push(message("finding", element("h2", {}, "Found in the dumps"), listOf(found)));
  }
  if (run.remarks.length > 0) out.push(message("remark", element("h2", {}, "Notes"), listOf(run.remarks)));
  if (run.only_in_port.length > 0) {
    const title = `Only in the port (${run.only_in_port.length})`;
    out.push(message("remark", element("details", {}, element("summary", {}, title), listOf(run.only_in_port, 40))));
  }
  replace(byId("messages"), ...out);
}

function drawHero() {
  byId("verdict").textContent = run.verdict;
  byId("verdict").className = `verdict ${verdictClass(run.verdict)}`;
  document.title = `${run.verdict}${run.first ? ` at ${rows.name[run.first.row]}` : ""} · parity report`;
  replace(byId("headline"), ...headline());
  replace(byId("explanation"), ...explanation());
  replace(byId("figures"), ...figures());
  replace(byId("compared"), element("code", {}, run.port.path), " against ", element("code", {}, run.ref.path));
  if (run.ref32) byId("compared").append(" and ", element("code", {}, run.ref32.path));
  drawDiagnosis();
  drawCounts();
  drawMessages();
  drawAbout();
}

function fact(list, name, value) {
  if (value === null || value === undefined || value === "") return;
  list.append(element("dt", {}, name), element("dd", {}, typeof value === "string" ? value : JSON.stringify(value)));
}

function sideFacts(title, side) {
  const facts = element("dl", {});
  fact(facts, "path", side.path);
  fact(facts, "checkpoints", side.checkpoints);
  for (const name of ["framework", "device", "compute_dtype", "seed"]) fact(facts, name.replace("_", " "), side[name]);
  for (const [name, value] of Object.entries(side.run)) fact(facts, name, value);
  return element("div", {}, element("h2", {}, title), facts);
}

function drawAbout() {
  const how = element("dl", {});
  fact(how, "order", run.order);
  fact(how, "precision", run.precision);
  fact(how, "mflux", run.version);
  const sides = [sideFacts("Reference", run.ref), sideFacts("Port", run.port)];
  if (run.ref32) sides.push(sideFacts("ref32", run.ref32));
  replace(byId("about"), ...sides, element("div", {}, element("h2", {}, "How"), how));
}

const kProfileHeight = 96;

/** Checkpoints that share a pixel: the worst stands for them. */
function columnsOf(width) {
  const columns = new Array(Math.min(rowCount, Math.floor(width / 2))).fill(null);
  for (let row = 0; row < rowCount; ++row) {
    const at = Math.floor((row * columns.length) / rowCount);
    const other = columns[at];
    const rank = (r) => (run.first && r === run.first.row ? Infinity : rows.error[r] === null ? -1 : rows.error[r]);
    if (other === null || rank(row) > rank(other)) columns[at] = row;
  }
  return columns;
}

function drawProfile() {
  const canvas = byId("profile");
  const { context, width, height } = contextOf(canvas, kProfileHeight);
  const columns = columnsOf(width);
  const step = width / columns.length;
  const top = 16, base = height - 2;
  const y = (value) => base - position(value, "error") * (base - top);
  columns.forEach((row, i) => {
    const x = i * step;
    const wide = step > 4 ? step - 1.5 : step + 0.25;
    const error = rows.error[row];
    context.fillStyle = colourOf(rows.verdict[row]);
    const bar = error === null ? base - top : Math.max(base - y(error), 2);
    context.globalAlpha = error === null ? 0.25 : 1;
    context.fillRect(x, base - bar, wide, bar);
    context.globalAlpha = 1;
    context.fillStyle = colours.ink;
    if (rows.floor[row] > 0) context.fillRect(x, y(rows.floor[row]), wide, 1);
    if (run.first && row === run.first.row) drawFirst(context, x + wide / 2, width);
  });
  byId("profile-note").textContent = `(relative L2, from 1e${scaleOf("error").low} to 1e${scaleOf("error").high}; the line is the noise floor)`;
  return columns;
}

function drawFirst(context, x, width) {
  context.fillStyle = colours.ink;
  context.beginPath();
  context.moveTo(x - 4, 4);
  context.lineTo(x + 4, 4);
  context.lineTo(x, 11);
  context.fill();
  context.textBaseline = "middle";
  const right = x < width * 0.7;
  context.textAlign = right ? "left" : "right";
  context.fillText("it starts here", right ? x + 9 : x - 9, 7);
}
