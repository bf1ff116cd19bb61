// One training: its thresholds as sliders, what they give, and what all numbers are.

function free(setting) {
  const methods = Object.keys(run.methods).filter(here);
  fill(
    at("method"),
    methods.map((name) => [name, run.methods[name].title]),
    state.method,
  );
  fill(
    at("seed"),
    runsOf(state.method)
      .filter((one) => one.members.length)
      .map((one) => [one.seed, one.seed]),
    state.seed,
  );
  const members = runOf(state.method, state.seed)?.members || [];
  at("member-label").hidden = members.length < 2;
  fill(
    at("member"),
    members.map((k) => [k, task.trainings[k].label || "1"]),
    setting?.training,
  );
  at("back").disabled = !state.free;
  const space = shownSpace(state.method);
  const tuned =
    setting && !state.free && setting === chosen(runOf(state.method, state.seed), state.budget);
  at("origin").textContent = !setting
    ? "This training has no setting here that can be replayed."
    : state.free
      ? state.free.test
        ? "a setting of the curve"
        : "moved by hand"
      : tuned
        ? `tuned for ${at("budget-value").textContent} (${space.replaceAll("_", " ")})`
        : "nothing is tuned for this budget: full depth";
  const box = at("thresholds");
  if (!setting) return void (box.innerHTML = box.dataset.made = "");
  const training = task.trainings[setting.training];
  const rule = setting.rule === undefined ? null : training.rules[setting.rule];
  const lines = [];
  if (state.space === run.fixed)
    lines.push(slider("fixed", "Everybody leaves at layer", 1, training.depth));
  else {
    if (training.skips.length > 1)
      lines.push(
        slider("skip", "Skip where the gate is at or above", 0, training.skips.length - 1),
      );
    if (training.rules.length > 1 || (training.rules.length && !rule)) {
      const options = training.rules.map(
        (r, k) => `<option value="${k}">${escaped(ruleName(r))} …</option>`,
      );
      lines.push(
        `<div class="row"><label>Exit rule <select id="rule"><option value="-1">no exits</option>${options.join("")}</select></label></div>`,
      );
    }
    if (rule) {
      if (!rule.whole && training.depth > 2)
        lines.push(
          `<label class="check"><input type="checkbox" id="same-box"> one threshold for all layers</label>`,
        );
      const name = ruleName(rule);
      if (state.same || rule.whole)
        lines.push(slider("exit-all", `Leave where ${name}`, 0, rule.thresholds.length - 1));
      else
        setting.at.forEach((_, layer) =>
          lines.push(
            slider(`exit-${layer}`, `Layer ${layer + 1}: ${name}`, 0, rule.thresholds.length - 1),
          ),
        );
    }
  }
  if (!lines.length)
    lines.push(
      `<p class="note">This training has no thresholds: it always runs ${training.depth} layers.</p>`,
    );
  const html = lines.join("");
  if (box.dataset.made !== html) {
    box.innerHTML = html;
    box.dataset.made = html;
  }
  const put = (id, value, text) => {
    const input = at(id);
    if (!input) return;
    input.value = value;
    input.setAttribute("aria-valuetext", text);
    at(`${id}-value`).textContent = text;
  };
  put("fixed", setting.fixed, String(setting.fixed));
  const skip = training.skips[setting.skip];
  put("skip", setting.skip, skip === null ? "never" : show(skip));
  if (at("rule")) at("rule").value = setting.rule ?? -1;
  if (at("same-box")) at("same-box").checked = state.same;
  if (!rule) return;
  const text = (k) => (k ? show(rule.thresholds[k]) : "off");
  setting.at.forEach((k, layer) => put(`exit-${layer}`, k, text(k)));
  put("exit-all", setting.at[0], text(setting.at[0]));
}

const slider = (id, label, least, most) =>
  `<div class="slider"><label for="${id}">${escaped(label)}</label><input type="range" id="${id}" min="${least}" max="${most}" step="1"><output id="${id}-value" for="${id}"></output></div>`;

function numbers(setting, outcome) {
  at("score-name").textContent = unknown().length ? "accuracy" : task.scoreTitle;
  at("score").textContent = outcome ? one1(outcome.score) : "–";
  at("spent").textContent = outcome ? percent(outcome.cost, 1) : "–";
  at("layers").textContent = outcome ? outcome.layers.toFixed(2) : "–";
  for (const [id, key] of [
    ["score", "score"],
    ["spent", "cost"],
    ["layers", "layers"],
  ])
    at(id).dataset.value = outcome ? outcome[key] : "";
  const whole = task.whole[state.set];
  at("basis").textContent = outcome
    ? `Replayed in this page on ${outcome.n === whole ? `all ${whole}` : `a sample of ${outcome.n} of ${whole}`} test examples; no interval.` +
      (unknown().length
        ? ` The page does not know ${unknown().join(", ")}: accuracy stands in its place.`
        : "")
    : "";
  at("same").textContent = setting && own() ? tableWords(setting) : "";
}

function about() {
  const shown = task.whole.map((n, k) => {
    const own = task.subset.filter((part) => part === k).length;
    return `${own === n ? "all" : `${own} of`} ${n}${task.subsets[k] ? ` (${task.subsets[k]})` : ""}`;
  });
  const training = current() && task.trainings[current().training];
  const counts = (training?.rules || []).map(
    (rule) => `${rule.thresholds.length - 1} thresholds of ${rule.name.replaceAll("_", " ")}`,
  );
  const replayed = new Set(task.runs.filter((one) => one.members.length).map((one) => one.seed))
    .size;
  const all = new Set(task.runs.map((one) => one.seed)).size;
  at("about").innerHTML = [
    `Lines, marks, areas and everything in [ ] come from the run’s tables: the whole of test, 95 % intervals over seeds, test examples and the choice on tune (with one seed: not over seeds).`,
    `Free thresholds are replayed here, from the recorded answers of ${shown.join(" and ")} test examples of ${task.title}: a random sample (seed ${run.sample.seed}) of at most ${run.sample.examples} of each test set, the same for all methods. ${replayed < all ? `To save room, ${replayed} of ${all} seeds can be replayed. ` : ""}Such numbers have no interval and say so.`,
    `An exit’s signal is kept as the first of a list of thresholds at which it stops${counts.length ? ` (here ${counts.join("; ")})` : ""}. At these, all tuned ones among them, decisions, scores and costs are those of the recorded trace; no other threshold can be set. Skip thresholds are those that were recorded.`,
    `A curve is read by straight lines between the settings of all budgets, and below the cheapest by a coin tossed with the majority class; where it stands in the table it is that reading, not a setting.`,
    `A method to which a search space adds nothing is shown in the largest space within it that it has.`,
    `Budgets are shares of dense BERT’s cost under ${run.convention}, kept on tune; what a setting costs on test may differ.`,
    `Charts: plotly.js, inside this page, under the MIT licence.`,
    `The address of the page carries all that is chosen: copy it to share this view.`,
  ]
    .map((line) => `<li>${escaped(line)}</li>`)
    .join("");
}
