// What the tables say: at the budget, and of the setting below. Other numbers are replayed.

function methodsTable() {
  const title = `${task.title}${subset() ? ` (${subset()})` : ""} at ${at("budget-value").textContent}`;
  const head = own()
    ? "<th scope=col>Method</th><th scope=col>Score</th><th scope=col>Cost</th><th scope=col>Layers</th><th scope=col>Curve at equal cost</th>"
    : "<th scope=col>Method</th><th scope=col>Score</th><th scope=col>Cost</th><th scope=col>Layers</th>";
  const rows = on().map((name) => {
    const cells = own() ? tableCells(name) : sampleCells(name);
    return `<tr class="${name === state.method ? "current" : ""}"><th scope=row>${swatch(name)} ${escaped(run.methods[name].title)}</th>${cells}</tr>`;
  });
  const what = own()
    ? "the setting chosen on tune, on the whole test, mean over seeds"
    : `the setting of seed ${state.seed} on the sample`;
  at("table-title").textContent = `${title}: ${what}`;
  at("methods-table").innerHTML = `<thead><tr>${head}</tr></thead><tbody>${rows.join("")}</tbody>`;
  at("table-note").textContent = own()
    ? `[ ]: 95 % intervals, of tuned operating points (${Object.keys(run.named)
        .sort()
        .map((b) => percent(+b))
        .join(", ")}) and of curves. Other budgets have the mean alone.`
    : "No number here has an interval.";
}

function tableCells(name) {
  const space = shownSpace(name);
  if (!space) return `<td class="text" colspan="4"><small>not in this space</small></td>`;
  const band = task.bands[`${name}|${space}|${subset()}`];
  const place = band
    ? band[0].findIndex((cost) => Math.abs(cost - Math.round(100 * state.budget) / 100) < 1e-6)
    : -1;
  const curve =
    place < 0 || name === run.reference || (100 * state.budget) % 1 > 1e-6
      ? "<td>–</td>"
      : `<td>${one1(band[1][place])}<small>${between(band[2][place], band[3][place], one1)}</small></td>`;
  const cells = atBudget(name, space);
  if (cells.status)
    return `<td class="text" colspan="3"><small>${escaped(cells.status)}</small></td>${curve}`;
  if (name === run.reference) cells.note = "full depth";
  const few = cells.note
    ? `<small>${cells.note}</small>`
    : cells.seeds < runsOf(name).length
      ? `<small>${cells.seeds} of ${runsOf(name).length} seeds</small>`
      : "";
  return (
    `<td>${one1(cells.score)}<small>${cells.range ? between(cells.low, cells.high, one1) : "no interval"}</small></td>` +
    `<td>${percent(cells.cost)}<small>${cells.range ? between(cells.costLow, cells.costHigh, (v) => String(Math.round(100 * v))) : "no interval"}</small></td>` +
    `<td>${cells.layers.toFixed(2)}${few}</td>${curve}`
  );
}

// Score, cost and layers on the whole test: of an operating point with intervals, else the mean over
// the seeds that have a setting. Dense BERT stands there as it is.
function atBudget(name, space) {
  const point = name === run.reference ? "full" : run.named[String(state.budget)];
  if (point) {
    const found = pointsOf(name).find((p) => p.point === point);
    if (!found || !known(found.score)) return { status: found?.status || "no setting" };
    return {
      score: found.score,
      low: found.score_low,
      high: found.score_high,
      range: true,
      cost: found.cost_relative,
      costLow: found.cost_low,
      costHigh: found.cost_high,
      layers: found.layers,
      seeds: found.seeds,
    };
  }
  const values = runsOf(name)
    .map((one) => chosen(one, state.budget)?.test[subset()])
    .filter(Boolean);
  if (!values.length) return { status: `no setting within ${budgetText(state.budget)}` };
  const mean = (k) => sum(values.map((v) => v[k])) / values.length;
  return { score: mean(0), cost: mean(1), layers: mean(2), seeds: values.length, range: false };
}

function sampleCells(name) {
  const one = runOf(name, state.seed);
  const setting =
    one &&
    (name === run.reference
      ? one.spaces[shownSpace(name)]?.points.full
      : chosen(one, state.budget));
  if (!setting || setting.training === undefined)
    return `<td class="text" colspan="3"><small>${one ? "no setting" : `no seed ${state.seed}`}</small></td>`;
  const found = replay(setting, state.set, state.cost);
  return `<td>${one1(found.score)}<small>no interval</small></td><td>${percent(found.cost)}<small>no interval</small></td><td>${found.layers.toFixed(2)}</td>`;
}

// What the tables say of a setting: its own numbers on the whole test where it is one of the curve's,
// and the operating point that it belongs to, with intervals.
function tableWords(setting) {
  const space = runOf(state.method, state.seed).spaces[shownSpace(state.method)];
  const alike = (other) =>
    ["training", "skip", "rule", "fixed"].every((key) => setting[key] === other[key]) &&
    String(setting.at) === String(other.at);
  const words = [];
  const test = space.curve.find(alike)?.test[subset()];
  if (test)
    words.push(
      `The tables have this setting on the whole test: score ${one1(test[0])}, cost ${percent(test[1], 1)}, ${test[2].toFixed(2)} layers.`,
    );
  for (const point of pointsOf(state.method)) {
    if (!known(point.score) || !space.points[point.point] || !alike(space.points[point.point]))
      continue;
    const seeds = point.seeds > 1 ? `mean over ${point.seeds} seeds` : "one seed";
    words.push(
      `It is this seed’s setting at ${point.point}; that point, ${seeds}: score ${one1(point.score)} ${between(point.score_low, point.score_high, one1)}, cost ${percent(point.cost_relative, 1)} ${between(point.cost_low, point.cost_high, (v) => percent(v, 1))}.`,
    );
  }
  return words.join(" ");
}
