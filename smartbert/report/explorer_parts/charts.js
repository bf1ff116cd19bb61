// The two charts: score against cost, and who leaves where.

function rgba(color, alpha) {
  const parts = [1, 3, 5].map((k) => parseInt(color.slice(k, k + 2), 16));
  return `rgba(${parts.join(",")},${alpha})`;
}

// Curves of the tables where cost is counted as there; else the curve's settings of one training,
// replayed on the sample.
function curves(setting, outcome) {
  const traces = [];
  const narrow = window.innerWidth < 860;
  const range = { least: 100, most: -100 };
  const see = (...values) =>
    values.filter(known).forEach((value) => {
      range.least = Math.min(range.least, value);
      range.most = Math.max(range.most, value);
    });
  const names = drawable();
  for (const name of names) {
    const look = run.methods[name],
      space = shownSpace(name);
    const style = { color: look.color, dash: look.dash, width: name === state.method ? 3 : 1.8 };
    if (own()) tableCurve(traces, name, space, look, style, see);
    else if (name !== run.reference) recounted(traces, name, look, style, see);
  }
  const level =
    own() && state.on.has(run.reference) && pointsOf(run.reference).find((p) => p.point === "full");
  const shapes = [
    {
      type: "line",
      x0: state.budget,
      x1: state.budget,
      yref: "paper",
      y0: 0,
      y1: 1,
      line: { color: "#0b57a4", width: 1.5, dash: "dot" },
    },
  ];
  if (level && known(level.score)) {
    see(level.score);
    shapes.push({
      type: "line",
      xref: "paper",
      x0: 0,
      x1: 1,
      y0: level.score,
      y1: level.score,
      line: { color: run.methods[run.reference].color, width: 1 },
    });
  }
  if (setting) {
    const look = run.methods[state.method];
    see(outcome.score);
    traces.push({
      x: [outcome.cost],
      y: [outcome.score],
      mode: "markers",
      showlegend: false,
      marker: { symbol: "diamond-open", size: 15, color: "#000", line: { width: 2.5 } },
      text: [
        `<b>${escaped(look.title)}, seed ${state.seed}: your setting</b><br>${wrapped(thresholdText(task.trainings[setting.training], setting))}<br>on ${outcome.n} examples, no interval`,
      ],
      hovertemplate: "%{text}<br>score %{y:.1f}, cost %{x:.1%}<extra></extra>",
    });
  }
  const pad = Math.max((range.most - range.least) * 0.07, 0.5);
  Plotly.react(
    at("curves"),
    traces,
    {
      margin: { l: 52, r: 10, t: 8, b: 46 },
      hovermode: "closest",
      showlegend: false,
      shapes,
      font: { size: 13, family: "system-ui, sans-serif" },
      hoverlabel: {
        align: "left",
        bgcolor: "#fff",
        font: { size: narrow ? 12 : 13, color: "#1a1d21", family: "system-ui, sans-serif" },
      },
      xaxis: {
        title: { text: `cost of dense BERT’s (${run.conventions[state.cost][1]})`, standoff: 8 },
        tickformat: ".0%",
        zeroline: false,
        range: [0.04, 1.1],
        gridcolor: "#e8eaee",
      },
      yaxis: {
        title: { text: task.scoreTitle, standoff: 4 },
        zeroline: false,
        gridcolor: "#e8eaee",
        range: [range.least - pad, range.most + pad],
      },
    },
    { displayModeBar: false, responsive: true },
  );
  const title = `${task.title}${subset() ? ` (${subset()})` : ""}`;
  at("curves").setAttribute(
    "aria-label",
    `${title}: ${task.scoreTitle} against cost, ${names.map((n) => run.methods[n].title).join(", ")}; the table has the numbers at the budget`,
  );
  at("curves-note").textContent = own()
    ? `${title}, whole test. Lines: the curve at each cost, mean over seeds. Marks: operating points. Small dots: the settings of seed ${state.seed}; click one to take it over below. Areas and bars: 95 % intervals of ${
        bold()
          .filter((n) => names.includes(n))
          .map((n) => run.methods[n].title)
          .join(" and ") || "none"
      }; pointing at a mark tells the others’. Open diamond: the setting below.`
    : `${title}, counted anew under ${state.cost}: the settings of seed ${state.seed} on the sample, without intervals. They were chosen for budgets under ${run.convention}.`;
}

// Methods whose intervals are drawn; those of the others are told where a reader points at them.
const bold = () => [...new Set([run.subject, state.method])];

const pointsOf = (method) => task.points[`${method}|${shownSpace(method)}|${subset()}`] || [];

function tableCurve(traces, name, space, look, style, see) {
  const band = task.bands[`${name}|${space}|${subset()}`];
  const points = pointsOf(name).filter((p) => known(p.score));
  if (band && name !== run.reference) {
    const [cost, score, low, high] = band;
    const least = Math.min(
      ...points.map((p) => p.cost_relative),
      ...runsOf(name).flatMap(
        (one) => one.spaces[space]?.curve.map((s) => s.test[subset()][1]) || [],
      ),
    );
    const keep = cost.map((value, k) => k).filter((k) => cost[k] >= least - 0.01);
    const take = (values) => keep.map((k) => values[k]);
    see(...take(score));
    if (bold().includes(name)) {
      const ends = keep.filter((k) => known(low[k]) && known(high[k]));
      const back = [...ends].reverse();
      traces.push({
        x: [...ends.map((k) => cost[k]), ...back.map((k) => cost[k])],
        y: [...ends.map((k) => high[k]), ...back.map((k) => low[k])],
        fill: "toself",
        mode: "lines",
        line: { width: 0 },
        fillcolor: rgba(look.color, 0.14),
        hoverinfo: "skip",
      });
      see(...ends.flatMap((k) => [low[k], high[k]]));
    }
    traces.push({
      x: take(cost),
      y: take(score),
      mode: "lines",
      line: style,
      customdata: keep.map((k) => between(low[k], high[k], one1)),
      hovertemplate: `<b>${escaped(look.title)}</b>, between settings<br>score %{y:.1f} %{customdata}<br>at cost %{x:.0%}<extra></extra>`,
    });
  }
  const one = runOf(name, state.seed);
  const dots = one?.spaces[space]?.curve || [];
  if (dots.length && name !== run.reference)
    traces.push({
      x: dots.map((s) => s.test[subset()][1]),
      y: dots.map((s) => s.test[subset()][0]),
      mode: "markers",
      marker: { size: 5, color: look.color, opacity: 0.55 },
      customdata: dots.map((s, k) => [name, space, k]),
      text: dots.map(
        (s) =>
          `<b>${escaped(look.title)}, seed ${one.seed}</b><br>${wrapped(s.training === undefined ? "not replayed in this page" : thresholdText(task.trainings[s.training], s))}`,
      ),
      hovertemplate:
        "%{text}<br>score %{y:.1f}, cost %{x:.1%}, whole test, no interval<extra></extra>",
    });
  const side = (value, low, high) => ({
    type: "data",
    symmetric: false,
    thickness: 1.2,
    width: 3,
    color: rgba(look.color, 0.75),
    array: points.map((p) => (known(p[high]) ? p[high] - p[value] : 0)),
    arrayminus: points.map((p) => (known(p[low]) ? p[value] - p[low] : 0)),
  });
  see(...points.map((p) => p.score));
  traces.push({
    x: points.map((p) => p.cost_relative),
    y: points.map((p) => p.score),
    mode: "markers",
    ...(bold().includes(name)
      ? {
          error_x: side("cost_relative", "cost_low", "cost_high"),
          error_y: side("score", "score_low", "score_high"),
        }
      : {}),
    marker: { symbol: look.symbol, size: name === run.reference ? 13 : 9, color: look.color },
    text: points.map(
      (p) =>
        `<b>${escaped(look.title)}: ${escaped(p.point)}</b><br>${wrapped(run.points[p.point] || "")}<br>score ${one1(p.score)} ${between(p.score_low, p.score_high, one1)}<br>cost ${percent(p.cost_relative, 1)} ${between(p.cost_low, p.cost_high, (v) => percent(v, 1))}<br>${p.seeds} seed${p.seeds > 1 ? "s" : ""}${named(name, p)}`,
    ),
    hovertemplate: "%{text}<extra></extra>",
  });
}

// The setting that one training has at an operating point.
function named(method, point) {
  const setting = runOf(method, state.seed)?.spaces[shownSpace(method)]?.points[point.point];
  return setting?.training === undefined
    ? ""
    : `<br>seed ${state.seed}: ${wrapped(thresholdText(task.trainings[setting.training], setting))}`;
}

function recounted(traces, name, look, style, see) {
  const one = runOf(name, state.seed);
  const settings = (one?.spaces[shownSpace(name)]?.curve || []).filter(
    (s) => s.training !== undefined,
  );
  const found = settings.map((setting) => ({ setting, ...replay(setting, state.set, state.cost) }));
  found.sort((a, b) => a.cost - b.cost);
  see(...found.map((f) => f.score));
  traces.push({
    x: found.map((f) => f.cost),
    y: found.map((f) => f.score),
    mode: "lines+markers",
    line: style,
    marker: { symbol: look.symbol, size: 6, color: look.color },
    text: found.map(
      (f) =>
        `<b>${escaped(look.title)}, seed ${one.seed}</b><br>${wrapped(thresholdText(task.trainings[f.setting.training], f.setting))}<br>on ${f.n} examples, no interval`,
    ),
    hovertemplate: "%{text}<br>score %{y:.1f}, cost %{x:.1%}<extra></extra>",
  });
}

function wrapped(text) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines[lines.length - 1];
    if (last && last.length + word.length > 44) lines.push(word);
    else lines[lines.length - 1] = last ? `${last} ${word}` : word;
  }
  return lines.map(escaped).join("<br>");
}

const CLASSES = ["#3b6ea5", "#e0a458", "#7aa974", "#a3688f", "#6b7785", "#c7c7c7"];

function exits(outcome) {
  const depth = outcome ? outcome.reached.length : 0;
  const names = Array.from({ length: depth }, (_, k) =>
    k === depth - 1 ? `${depth} (end)` : String(k + 1),
  );
  const few = task.labels.length <= CLASSES.length;
  const groups = few
    ? task.labels.map((label, k) => [label, (layer) => outcome.exits[layer][k]])
    : [["all", (layer) => sum(outcome.exits[layer])]];
  const traces = groups.map(([label, count], k) => ({
    type: "bar",
    name: label,
    x: names,
    y: names.map((_, layer) => count(layer) / outcome.n),
    marker: { color: CLASSES[k] },
    hovertemplate: `layer %{x}<br>%{y:.1%} of the examples leave here and are “${escaped(label)}”<extra></extra>`,
  }));
  Plotly.react(
    at("exits"),
    traces,
    {
      barmode: "stack",
      margin: { l: 52, r: 10, t: 30, b: 42 },
      font: { size: 13, family: "system-ui, sans-serif" },
      legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", traceorder: "normal" },
      showlegend: few,
      xaxis: { title: { text: "layer after which they leave", standoff: 6 }, type: "category" },
      yaxis: {
        title: { text: "examples" },
        tickformat: ".0%",
        rangemode: "tozero",
        gridcolor: "#e8eaee",
      },
    },
    { displayModeBar: false, responsive: true },
  );
  const share = (above, below) => (below ? percent(above / below) : "–");
  const rows = names.map((name, layer) => {
    const leave = sum(outcome.exits[layer]);
    return `<tr><th scope=row>${name}</th><td>${percent(leave / outcome.n, 1)}</td><td>${share(outcome.right[layer], leave)}</td><td>${share(outcome.reached[layer], outcome.n)}</td><td>${share(outcome.skipped[layer], outcome.reached[layer])}</td></tr>`;
  });
  at("exits-table").innerHTML =
    `<caption>Who leaves where, on the sample, no interval</caption><thead><tr><th scope=col>Layer</th><th scope=col>leave here</th><th scope=col>of these right</th><th scope=col>reach it</th><th scope=col>of these skip it</th></tr></thead><tbody>${rows.join("")}</tbody>`;
}
