// Draw all from the state, read the state from the address and write it there, listen.

function draw() {
  choices();
  const setting = current();
  const outcome = setting && replay(setting, state.set, state.cost);
  curves(setting, outcome);
  methodsTable();
  free(setting);
  numbers(setting, outcome);
  exits(outcome);
  about();
  fragment();
}

function fill(select, options, value) {
  const html = options
    .map(([key, text]) => `<option value="${escaped(key)}">${escaped(text)}</option>`)
    .join("");
  if (select.dataset.made !== html) {
    select.innerHTML = html;
    select.dataset.made = html;
  }
  select.value = String(value);
}

function choices() {
  fill(at("task"), Object.entries(run.tasks), state.task);
  fill(
    at("set"),
    task.subsets.map((name, k) => [k, name]),
    state.set,
  );
  at("set-label").hidden = task.subsets.length < 2;
  fill(
    at("space"),
    Object.keys(run.spaces).map((name) => [name, name.replaceAll("_", " ")]),
    state.space,
  );
  fill(
    at("cost"),
    Object.keys(run.conventions).map((name) => [
      name,
      name + (name === run.convention ? " (tables)" : ""),
    ]),
    state.cost,
  );
  at("space-note").textContent = `Searched on tune: ${run.spaces[state.space]}.`;
  at("cost-note").textContent = `Cost: ${run.conventions[state.cost][0]}.`;
  for (const box of at("methods").querySelectorAll("input")) {
    box.checked = state.on.has(box.value);
    box.disabled = !here(box.value);
    box.parentElement.title = box.disabled ? "not in this task" : "";
  }
  const number = run.budgets.indexOf(state.budget);
  at("budget").value = number;
  at("budget").setAttribute("aria-valuetext", `${budgetText(state.budget)} of dense BERT's cost`);
  at("budget-value").textContent = budgetText(state.budget);
}

let written = ""; // the address as it was last read or written
let waiting;

// Write the address once a slider rests: a browser takes some hundred addresses in ten seconds.
function fragment() {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    // Inside a report the page is an address of its own, of a million letters: that one stays. And
    // one that a reader has just given is about to be read.
    if (location.protocol === "data:" || location.hash !== written) return;
    const text = stateText();
    if (text !== written) history.replaceState(null, "", text);
    written = location.hash;
  }, 150);
}

// The state as the address has it, thresholds as numbers so that it outlives another tuning.
function stateText() {
  const words = new URLSearchParams({
    task: state.task,
    space: state.space,
    cost: state.cost,
    budget: state.budget,
    methods: [...state.on].join(","),
    method: state.method,
    seed: state.seed,
  });
  if (task.subsets.length > 1) words.set("set", subset());
  if (state.free) {
    const training = task.trainings[state.free.training],
      members = runOf(state.method, state.seed).members;
    words.set("training", members.indexOf(state.free.training));
    words.set("skip", training.skips[state.free.skip] ?? "never");
    if (state.free.fixed) words.set("fixed", state.free.fixed);
    if (state.free.rule !== undefined) {
      const rule = training.rules[state.free.rule];
      words.set("rule", [rule.name, ...Object.values(rule.parameters)].join(":"));
      words.set("at", state.free.at.map((k) => (k ? rule.thresholds[k] : "off")).join(","));
    }
  }
  return `#${words.toString().replaceAll("%2C", ",").replaceAll("%3A", ":")}`;
}

async function restore() {
  written = location.hash;
  const words = new URLSearchParams(location.hash.slice(1));
  const among = (key, names, otherwise) =>
    names.includes(words.get(key)) ? words.get(key) : otherwise;
  await load(among("task", Object.keys(run.tasks), Object.keys(run.tasks)[0]));
  state.set = Math.max(0, task.subsets.indexOf(words.get("set")));
  state.space = among("space", Object.keys(run.spaces), Object.keys(run.spaces)[0]);
  state.cost = among("cost", Object.keys(run.conventions), run.convention);
  const budget = words.has("budget") ? Number(words.get("budget")) : NaN;
  state.budget = nearest(run.budgets, Number.isFinite(budget) ? budget : run.begin);
  const names = Object.keys(run.methods);
  state.on = new Set(
    words.has("methods")
      ? words
          .get("methods")
          .split(",")
          .filter((n) => names.includes(n))
      : names.filter((n) => run.methods[n].on),
  );
  settle(words.get("method"), Number(words.get("seed")));
  state.free = given(words);
  state.same = !state.free?.at || new Set(state.free.at).size < 2;
  if (!state.free) sameByDefault();
  draw();
}

const nearest = (values, wanted) =>
  values.reduce((best, value) =>
    Math.abs(value - wanted) < Math.abs(best - wanted) ? value : best,
  );

// The method and seed whose thresholds are moved: the wanted ones, else ones that the task has.
function settle(method, seed) {
  const able = Object.keys(run.methods).filter((name) =>
    runsOf(name).some((one) => one.members.length),
  );
  state.method = able.includes(method)
    ? method
    : able.includes(run.subject)
      ? run.subject
      : able[0];
  const seeds = runsOf(state.method)
    .filter((one) => one.members.length)
    .map((one) => one.seed);
  state.seed = seeds.includes(seed) ? seed : seeds[0];
}

function sameByDefault() {
  const setting = start(state.method, state.seed);
  state.same = !setting?.at || new Set(setting.at).size < 2;
}

function given(words) {
  if (!words.has("skip")) return null;
  const members = runOf(state.method, state.seed).members;
  const number = members[Number(words.get("training"))] ?? members[0];
  const training = task.trainings[number];
  const skip = training.skips.findIndex((value) => String(value ?? "never") === words.get("skip"));
  const setting = { training: number, skip: skip < 0 ? training.skips.length - 1 : skip };
  if (state.space === run.fixed) {
    const layer = Number(words.get("fixed")) || training.depth;
    return {
      ...setting,
      skip: training.skips.length - 1,
      fixed: Math.min(Math.max(1, layer), training.depth),
    };
  }
  const rule = training.rules.findIndex(
    (r) => [r.name, ...Object.values(r.parameters)].join(":") === words.get("rule"),
  );
  if (rule < 0) return setting;
  const { thresholds } = training.rules[rule];
  const wanted = (words.get("at") || "").split(",");
  const able = thresholds.slice(1);
  const places = Array.from({ length: training.depth - 1 }, (_, layer) => {
    const value = parseFloat(wanted[layer] ?? wanted[0]);
    return Number.isFinite(value) ? thresholds.indexOf(nearest(able, value), 1) : 0;
  });
  return { ...setting, rule, at: places };
}

async function load(name) {
  tasks[name] ??= await unpack(name);
  task = tasks[name];
  state.task = name;
  state.set = 0;
}

function budgetMoved() {
  state.free = null;
  sameByDefault();
  draw();
}

// A copy of the current setting, to be moved.
function moved(change) {
  const { training, skip, rule, at: places, fixed } = current();
  state.free = {
    training,
    skip,
    ...(rule === undefined ? {} : { rule, at: [...places] }),
    ...(fixed ? { fixed } : {}),
  };
  change(state.free);
  draw();
}

function listen() {
  at("task").onchange = async (event) => {
    await load(event.target.value);
    settle(state.method, state.seed);
    budgetMoved();
  };
  at("set").onchange = (event) => {
    state.set = Number(event.target.value);
    draw();
  };
  at("space").onchange = (event) => {
    state.space = event.target.value;
    budgetMoved();
  };
  at("cost").onchange = (event) => {
    state.cost = event.target.value;
    draw();
  };
  at("budget").max = run.budgets.length - 1;
  at("budget").oninput = (event) => {
    state.budget = run.budgets[Number(event.target.value)];
    budgetMoved();
  };
  at("methods").innerHTML = Object.entries(run.methods)
    .map(
      ([name, look]) =>
        `<label><input type="checkbox" value="${escaped(name)}">${swatch(name)} ${escaped(look.title)}</label>`,
    )
    .join("");
  at("methods").onchange = (event) => {
    if (event.target.checked) state.on.add(event.target.value);
    else state.on.delete(event.target.value);
    draw();
  };
  at("method").onchange = (event) => {
    settle(event.target.value, state.seed);
    budgetMoved();
  };
  at("seed").onchange = (event) => {
    settle(state.method, Number(event.target.value));
    budgetMoved();
  };
  at("member").onchange = (event) => {
    const number = Number(event.target.value),
      training = task.trainings[number];
    state.free = {
      training: number,
      skip: training.skips.length - 1,
      ...(state.space === run.fixed ? { fixed: training.depth } : {}),
    };
    draw();
  };
  at("back").onclick = budgetMoved;
  at("thresholds").oninput = ({ target: { id, value, checked } }) => {
    const number = Number(value);
    if (id === "same-box") {
      state.same = checked;
      if (checked) moved((setting) => setting.at.fill(setting.at[0]));
      else draw();
    } else if (id === "rule")
      moved((setting) => {
        delete setting.rule;
        delete setting.at;
        if (number < 0) return;
        setting.rule = number;
        setting.at = new Array(task.trainings[setting.training].depth - 1).fill(0);
      });
    else if (id === "skip" || id === "fixed")
      moved((setting) => {
        setting[id] = number;
      });
    else if (id === "exit-all") moved((setting) => setting.at.fill(number));
    else if (id.startsWith("exit-"))
      moved((setting) => {
        setting.at[Number(id.slice(5))] = number;
      });
  };
  for (const form of document.forms) form.onsubmit = (event) => event.preventDefault();
  window.onhashchange = restore;
  at("curves").on("plotly_click", ({ points: [point] }) => {
    if (!Array.isArray(point.customdata)) return;
    const [name, space, number] = point.customdata;
    const setting = runOf(name, state.seed).spaces[space].curve[number];
    if (setting.training === undefined) return;
    state.method = name;
    state.free = setting;
    state.same = !setting.at || new Set(setting.at).size < 2;
    draw();
  });
}

async function begin() {
  at("caption").textContent = run.caption;
  const library = document.createElement("script");
  library.textContent = new TextDecoder().decode(await inflated("library"));
  document.head.append(library);
  Plotly.newPlot(at("curves"), [], {}, { displayModeBar: false, responsive: true });
  listen();
  await restore();
  document.querySelector("main").setAttribute("aria-busy", "false");
  window.addEventListener("resize", () => {
    Plotly.Plots.resize(at("curves"));
    Plotly.Plots.resize(at("exits"));
  });
}

begin();
