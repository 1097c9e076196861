// The causes that were proven, each with what shows it; or what was ruled out and what to dump next.

/** "Everything is scaled by one number": a text of the catalogue as a sentence begins. */
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

const kLeast = 1e-9, kMost = 10;
const decadesOf = (value) => (100 * Math.log10(Math.min(Math.max(value, kLeast), kMost) / kLeast)) / Math.log10(kMost / kLeast);

/** before → after on one logarithmic line; unequal shapes have no number before. */
function fallBar(before, after, floor) {
  const track = element("span", { class: "fall", role: "img", "aria-label": `relative L2 ${before === null ? "of another shape" : short(before)} before, ${short(after)} after` });
  const left = element("span", { class: "left" }), gone = element("span", { class: "gone" });
  left.style.width = `${decadesOf(after ?? kMost)}%`;
  gone.style.width = `${decadesOf(before ?? kMost)}%`;
  track.append(gone, left);
  if (floor > 0) {
    const mark = element("span", { class: "mark", title: `noise floor ${short(floor)}` });
    mark.style.left = `${decadesOf(floor)}%`;
    track.append(mark);
  }
  return track;
}

const fallText = (before, after) => `${before === null ? "another shape" : amount(before)} → ${after === null ? "another shape" : amount(after)}`;

function sureBar(confidence) {
  const fill = element("span", {});
  fill.style.width = `${100 * confidence}%`;
  const text = `${Math.round(100 * confidence)} % sure`;
  return element("span", { class: "sure" }, element("span", { class: "sure-bar", "aria-hidden": "true" }, fill), text);
}

function factLine(list, name, ...values) {
  list.append(element("dt", {}, name), element("dd", {}, ...values));
}

function othersOf(cause) {
  const known = cause.others.map((name) => rows.name.indexOf(name)).filter((row) => row >= 0);
  const shown = known.slice(0, 3).flatMap((row, i) => (i === 0 ? [link(row)] : [", ", link(row)]));
  return known.length > 3 ? [...shown, ` and ${known.length - 3} more`] : shown;
}

function causeFacts(cause) {
  const list = element("dl", { class: "cause-facts" });
  factLine(list, "at", link(cause.row));
  if (cause.others.length > 0) factLine(list, "also at", ...othersOf(cause));
  const fell = element("span", { class: "number" }, fallText(cause.before, cause.after));
  if (cause.before === cause.after) factLine(list, "proof", "none can be applied: told by what both sides hold");
  else factLine(list, "proof", fallBar(cause.before, cause.after, cause.floor), fell, element("span", { class: "note" }, "relative L2 as found → with the cause applied"));
  if (cause.detail) factLine(list, "found", cause.detail);
  if (cause.fix) factLine(list, "fix", element("pre", { class: "good" }, element("code", {}, cause.fix)));
  if (cause.wrong) factLine(list, "wrong", element("pre", { class: "bad" }, element("code", {}, cause.wrong)));
  if (cause.try) factLine(list, "try", element("div", { class: "command" }, element("code", {}, cause.try), copyButton(cause.try, "Copy the command")));
  return list;
}

function causeCard(cause) {
  const evidence = cause.evidence;
  const head = element("h2", {}, element("code", {}, cause.id), " ", element("span", { class: "meaning" }, capital(cause.meaning)));
  const plots = [curvePlot(evidence), ...scatters(cause)].filter((figure) => figure !== null);
  return element(
    "article",
    { class: "cause", "aria-label": cause.id },
    element("header", {}, head, sureBar(cause.confidence)),
    element("div", { class: "cause-body" }, causeFacts(cause), element("div", { class: "plots" }, ...plots), stripFigure(evidence)),
  );
}

function openCase({ ruled_out: ruledOut, next }) {
  const parts = [element("h2", {}, "No cause is proven, so none is named")];
  if (ruledOut.length > 0) {
    const list = element("dl", { class: "ruled-out" });
    for (const { id, before, after } of ruledOut) {
      factLine(list, id, fallBar(before, after, 0), element("span", { class: "number" }, fallText(before, after)));
    }
    parts.push(element("div", {}, element("h3", {}, "Tried, and ruled out"), list));
  }
  if (next.length > 0) parts.push(element("div", {}, element("h3", {}, "Next"), listOf(next.map(capital))));
  return element("article", { class: "cause open" }, ...parts);
}

function drawDiagnosis() {
  const { diagnosis } = run;
  byId("diagnosis").hidden = !diagnosis;
  if (!diagnosis) return;
  const cards = diagnosis.causes.map(causeCard);
  replace(byId("diagnosis"), ...(cards.length > 0 ? cards : [openCase(diagnosis)]));
}
