// Which settings there are, and how they are said. The state is what a reader has chosen: task, set
// (number of the test set), space, cost (convention), budget, on (methods), method and seed whose
// thresholds are moved, free (their setting, null while it is the budget's), same (one threshold).

const state = {};

const own = () => run.convention === state.cost;
const subset = () => task.subsets[state.set];
const shownSpace = (method) => task.shown[state.space]?.[method];
const runsOf = (method) => task.runs.filter((one) => one.method === method);
const here = (method) => runsOf(method).length > 0;
const on = () => Object.keys(run.methods).filter((name) => state.on.has(name) && here(name));
const drawable = () => on().filter((name) => shownSpace(name));
const runOf = (method, seed) => runsOf(method).find((one) => one.seed === seed);

// The setting that tune chooses for a budget: the dearest of the curve's that it affords, or the
// operating point where the budget has a name.
function chosen(one, budget) {
  const space = one.spaces[shownSpace(one.method)];
  if (!space) return null;
  const name = run.named[String(budget)];
  if (name) return space.points[name] || null;
  return [...space.curve].reverse().find((s) => s.tune < budget + run.rounding) || null;
}

function start(method, seed) {
  const one = runOf(method, seed);
  const found = one && chosen(one, state.budget);
  if (found && found.training !== undefined) return found;
  const full = one?.spaces[shownSpace(method)]?.points.full;
  return full?.training !== undefined ? full : null;
}

const current = () => state.free || start(state.method, state.seed);

function thresholdText(training, setting) {
  if (setting.fixed) return `everybody leaves at layer ${setting.fixed}`;
  const skip = training.skips[setting.skip];
  const words = [skip === null ? "" : `skip where the gate ≥ ${show(skip)}`];
  if (setting.rule !== undefined) {
    const rule = training.rules[setting.rule];
    const values = setting.at.map((k) => (k ? show(rule.thresholds[k]) : "off"));
    const name = ruleName(rule);
    const same = values.every((value) => value === values[0]);
    if (!same) words.push(`${name} by layer: ${values.join(", ")}`);
    else if (values[0] !== "off") words.push(`${name} ${values[0]}`);
  }
  return words.filter(Boolean).join("; ") || "nothing skipped, no exits";
}

function ruleName(rule) {
  const parameters = Object.entries(rule.parameters).map(([name, value]) => `${name} ${value}`);
  const told = parameters.length ? ` (${parameters.join(", ")})` : "";
  return `${rule.name.replaceAll("_", " ")}${told} ${rule.below ? "<" : "≥"}`;
}

const show = (value) =>
  Math.abs(value) > 1e6 ? (value > 0 ? "∞" : "−∞") : String(+value.toPrecision(3));
const one1 = (value) => value.toFixed(1).replace("-", "−");
const percent = (share, digits = 0) => `${(100 * share).toFixed(digits)}\u00a0%`;
const budgetText = (share) => percent(share, (1000 * share) % 10 ? 1 : 0);
const known = (value) => value !== null && value !== undefined;
const between = (low, high, text) =>
  known(low) || known(high)
    ? `[${known(low) ? text(low) : "–"}, ${known(high) ? text(high) : "–"}]`
    : "no interval";
const escaped = (text) =>
  String(text).replace(
    /[&<>"]/g,
    (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c],
  );
const MARKS = {
  circle: "M0-4.5A4.5 4.5 0 1 1 0 4.5A4.5 4.5 0 1 1 0-4.5Z",
  square: "M-4-4H4V4H-4Z",
  "triangle-up": "M0-5L5 4H-5Z",
  "triangle-down": "M0 5L5-4H-5Z",
  diamond: "M0-5.5L5.5 0L0 5.5L-5.5 0Z",
  "triangle-left": "M-5 0L4-5V5Z",
  "triangle-right": "M5 0L-4-5V5Z",
  x: "M-5-2.5L-2.5-5L0-2.5L2.5-5L5-2.5L2.5 0L5 2.5L2.5 5L0 2.5L-2.5 5L-5 2.5L-2.5 0Z",
  cross: "M-5-2H-2V-5H2V-2H5V2H2V5H-2V2H-5Z",
  hexagon: "M5 0L2.5 4.5H-2.5L-5 0L-2.5-4.5H2.5Z",
  pentagon: "M0-5L5-1L3 5H-3L-5-1Z",
  star: "M0-6L1.5-1.9L6-1.9L2.3.8L3.7 5L0 2.4L-3.7 5L-2.3.8L-6-1.9L-1.5-1.9Z",
};
const DASH = { solid: "", dash: "7 3", dashdot: "7 3 1.5 3", dot: "1.5 3" };

function swatch(name) {
  const look = run.methods[name];
  return `<svg width="34" height="14" viewBox="-17 -7 34 14" aria-hidden="true"><path d="M-17 0H17" stroke="${look.color}" stroke-width="2" stroke-dasharray="${DASH[look.dash]}"/><path d="${MARKS[look.symbol]}" fill="${look.color}"/></svg>`;
}
