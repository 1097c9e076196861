// The checkpoints as a tree of steps, components and modules, in execution order.

/** {label, path, depth, row} for a checkpoint, {…, children, open, worst, failing, total} for a group. */
function buildTree() {
  const root = { children: [], label: "", path: "", depth: -1, open: true };
  const groups = new Map([[0, root]]);
  const steps = new Map();
  const group = (label, parent) => {
    const made = { label, path: parent.path ? `${parent.path}.${label}` : label, children: [], open: false, parent };
    parent.children.push(made);
    return made;
  };
  const stepOf = (step) => {
    if (!steps.has(step)) steps.set(step, group(`step ${step}`, root));
    return steps.get(step);
  };
  const groupOf = (node) => {
    if (!groups.has(node)) {
      const [parent, label, step] = run.nodes[node];
      groups.set(node, group(label, parent === 0 && step > 0 ? stepOf(step) : groupOf(parent)));
    }
    return groups.get(node);
  };
  for (let row = 0; row < rowCount; ++row) {
    const parent = groupOf(rows.node[row]);
    parent.children.push({ label: rows.label[row], row, parent });
  }
  simplify(root);
  return root;
}

/** A module with one checkpoint is that checkpoint. */
function simplify(item) {
  item.children = item.children.map((child) => {
    if (!child.children) return child;
    simplify(child);
    const [only] = child.children;
    if (child.children.length !== 1 || only.children) return child;
    return { row: only.row, parent: item, label: only.label === "out" ? child.label : `${child.label}.${only.label}` };
  });
  // A group was made at its first checkpoint: its place among its siblings is execution order already.
  item.total = 0;
  item.error = null;
  item.worst = "PASS";
  for (const child of item.children) {
    const verdict = child.children ? child.worst : rows.verdict[child.row];
    const allowed = !child.children && rows.allowed_missing[child.row];
    const error = child.children ? child.error : rows.error[child.row];
    if (!allowed && kRank[verdict] > kRank[item.worst]) item.worst = verdict;
    if (error !== null && (item.error === null || error > item.error)) item.error = error;
    item.total += child.children ? child.total : 1;
  }
}

const tree = buildTree();

const isOrigin = (verdict) => verdict !== "PASS" && verdict !== "INHERITED";

/** Opens the way down to what fails by itself, and small runs whole. */
function openFailing(item = tree, depth = 0) {
  for (const child of item.children) {
    if (!child.children) continue;
    child.open = rowCount <= 40 || depth === 0 || isOrigin(child.worst);
    openFailing(child, depth + 1);
  }
}

function leafOf(row, item = tree) {
  for (const child of item.children) {
    if (child.row === row) return child;
    const found = child.children && leafOf(row, child);
    if (found) return found;
  }
  return null;
}

/** Opens every group around a checkpoint. */
function reveal(row) {
  for (let at = leafOf(row)?.parent; at; at = at.parent) at.open = true;
}

/** What the list shows, from top to bottom: {item, depth, position, siblings}. */
function visibleItems() {
  const out = [];
  if (view.sort === "order" && !isFiltered()) {
    const walk = (item, depth) => {
      item.children.forEach((child, i) => {
        out.push({ item: child, depth, position: i + 1, siblings: item.children.length });
        if (child.children && child.open) walk(child, depth + 1);
      });
    };
    walk(tree, 0);
    return out;
  }
  const found = filteredRows();
  return found.map((row, i) => ({
    item: { row, label: rows.name[row] },
    depth: 0,
    position: i + 1,
    siblings: found.length,
  }));
}
