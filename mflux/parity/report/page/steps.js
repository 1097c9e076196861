// The loop's checkpoints, a row for each step: how an error grows from step to step.

const kStepHeight = 16;

function stepTable() {
  const bases = new Map();
  const steps = new Map();
  for (let row = 0; row < rowCount; ++row) {
    const step = rows.step[row];
    if (step === 0) continue;
    const base = rows.name[row].replace(/@step=\d+$/, "");
    if (!bases.has(base)) bases.set(base, bases.size);
    if (!steps.has(step)) steps.set(step, new Map());
    steps.get(step).set(bases.get(base), row);
  }
  const ordered = [...steps.keys()].sort((a, b) => a - b);
  return { columns: bases.size, steps: ordered.map((step) => [step, steps.get(step)]) };
}

const stepMap = stepTable();
const kStepGutter = 46;

function stepRowAt(x, y, width) {
  const line = stepMap.steps[Math.floor(y / kStepHeight)];
  const column = Math.floor(((x - kStepGutter) * stepMap.columns) / (width - kStepGutter));
  return x < kStepGutter || !line ? null : line[1].get(column) ?? null;
}

function drawSteps() {
  if (stepMap.steps.length < 2) return;
  byId("steps-figure").hidden = false;
  const canvas = byId("steps");
  const { context, width } = contextOf(canvas, stepMap.steps.length * kStepHeight);
  const wide = (width - kStepGutter) / stepMap.columns;
  stepMap.steps.forEach(([step, cells], line) => {
    context.fillStyle = colours.dim;
    context.textBaseline = "middle";
    context.fillText(`step ${step}`, 0, (line + 0.5) * kStepHeight);
    for (const [column, row] of cells) {
      const error = rows.error[row];
      const [r, g, b] = heatColour(error === null ? 0 : error === 0 ? 0.05 : Math.max(0.08, position(error, "error")));
      context.fillStyle = `rgb(${r} ${g} ${b})`;
      const x = kStepGutter + column * wide;
      context.fillRect(x, line * kStepHeight + 1, wide > 5 ? wide - 1 : wide + 0.25, kStepHeight - 2);
      if (run.first && row === run.first.row) {
        context.strokeStyle = colours.ink;
        context.lineWidth = 1.5;
        context.strokeRect(x - 1, line * kStepHeight + 0.5, Math.max(wide + 1, 4), kStepHeight - 1);
      }
    }
  });
}
