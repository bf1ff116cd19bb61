"use strict";
// The run's data, and the replay of a setting on the sample: what `trace.replay` and `metrics` do in
// Python, from positions in lists of thresholds. Nothing here touches the page but for its data.

const run = JSON.parse(document.getElementById("run").textContent);
const at = (id) => document.getElementById(id);
const tasks = {}; // unpacked, by name
let task; // the one that is shown, unpacked

// What an element holds, compressed and in base64, as bytes.
async function inflated(id) {
  const packed = Uint8Array.from(atob(at(id).textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function unpack(name) {
  const content = await inflated(`data-${name}`);
  const size = new DataView(content.buffer).getUint32(0, true);
  const found = JSON.parse(new TextDecoder().decode(content.subarray(4, 4 + size)));
  const bytes = content.subarray(4 + size);
  const array = ({ at: begin, size: n, width }) => {
    const values = new Uint32Array(n);
    for (let byte = 0; byte < width; byte++)
      for (let i = 0; i < n; i++) values[i] += bytes[begin + byte * n + i] * 2 ** (8 * byte);
    return values;
  };
  for (const key of ["label", "subset", "length"]) found[key] = array(found[key]);
  for (const training of found.trainings) {
    for (const key of ["high", "executed", "answers"]) training[key] = array(training[key]);
    for (const rule of training.rules) rule.codes = array(rule.codes);
    training.rows = rowsOf(training, found.label.length);
  }
  return found;
}

// Which row holds for each example at each skip threshold: an example's rows follow each other, and
// each begins where the one before it ends.
function rowsOf(training, examples) {
  const steps = training.skips.length;
  const rows = Array.from({ length: steps }, () => new Uint32Array(examples));
  let example = 0,
    low = 0;
  training.high.forEach((high, row) => {
    for (let step = low; step < high; step++) rows[step][example] = row;
    low = high === steps ? 0 : high;
    example += high === steps;
  });
  return rows;
}

// What a setting does with the sample's examples of a test set. A setting is {training, skip} and
// {rule, at: a position in the rule's thresholds for each exit}, or {fixed: layer}, or neither.
function replay(setting, subset, convention) {
  const training = task.trainings[setting.training];
  const { depth, executed, answers, skips } = training;
  const rows = training.rows[setting.skip];
  const size = executed.length;
  const rule = setting.rule === undefined ? null : training.rules[setting.rule];
  const limits = rule ? setting.at : [];
  const some = limits.some((limit) => limit > 0);
  let tested = 0; // bits of the layers whose exit is evaluated
  for (let layer = 0; layer < limits.length; layer++)
    if (limits[layer] > 0 || (rule.running && some)) tested |= 1 << layer;
  const forced = setting.fixed && setting.fixed < depth ? setting.fixed : 0;
  if (forced) tested = 1 << (forced - 1);
  const part = costParts(training, setting, forced, convention);
  const classes = task.labels.length;
  const zeros = (n) => new Array(n).fill(0);
  const found = {
    n: 0,
    cost: 0,
    layers: 0,
    hits: zeros(classes),
    predicted: zeros(classes),
    true: zeros(classes),
    exits: Array.from({ length: depth }, () => zeros(classes)),
    right: zeros(depth),
    reached: zeros(depth),
    skipped: zeros(depth),
  };
  for (let example = 0; example < task.label.length; example++) {
    if (task.subset[example] !== subset) continue;
    const row = rows[example];
    let stop = forced ? forced - 1 : depth; // the exit that answers; the final head is number depth
    for (let layer = 0; layer < limits.length; layer++)
      if (limits[layer] > 0 && rule.codes[layer * size + row] <= limits[layer]) {
        stop = layer;
        break;
      }
    const exited = stop < depth,
      last = exited ? stop : depth - 1;
    const ran = executed[row] & (2 ** (last + 1) - 1);
    const answer = answers[(exited ? stop : answers.length / size - 1) * size + row];
    const label = task.label[example],
      right = answer === label;
    const length = task.length[example];
    let spent = part("base", length) + bits(ran) * part("layer", length);
    spent += (last + 1) * part(skips[setting.skip] === null ? "gate_off" : "gate", length);
    spent += bits(ran & tested) * part("exit", length) + (exited ? 0 : part("head", length));
    found.n += 1;
    found.cost += spent / part("dense", length);
    found.layers += bits(ran);
    found.hits[label] += right;
    found.predicted[answer] += 1;
    found.true[label] += 1;
    found.exits[last][label] += 1;
    found.right[last] += right;
    for (let layer = 0; layer <= last; layer++) {
      found.reached[layer] += 1;
      found.skipped[layer] += 1 - ((ran >>> layer) & 1);
    }
  }
  found.cost /= found.n;
  found.layers /= found.n;
  found.score = score(found);
  return found;
}

// What costs are added up from; a layer's and an exit's may depend on the rule.
function costParts(training, setting, forced, convention) {
  const parts = task.costs[training.cost][convention];
  const end = forced ? "_fixed" : (setting.rule ?? "");
  const named = { ...parts, layer: parts[`layer${end}`], exit: parts[`exit${end}`] };
  return (name, length) => named[name][named[name].length > 1 ? length : 0];
}

function bits(mask) {
  let count = 0;
  for (let rest = mask; rest; rest &= rest - 1) count += 1;
  return count;
}

const sum = (values) => values.reduce((total, value) => total + value, 0);
const ratio = (above, below) => (below > 0 ? above / below : 0);
const f1 = (c, k) => ratio(2 * c.hits[k], c.true[k] + c.predicted[k]);
const METRICS = {
  accuracy: (c) => sum(c.hits) / c.n,
  f1: (c) => f1(c, 1),
  macro_f1: (c) => sum(c.true.map((_, k) => f1(c, k))) / c.true.length,
  mcc: (c) => {
    const squares = (values) => sum(values.map((value) => value ** 2));
    const covariance = sum(c.hits) * c.n - sum(c.true.map((value, k) => value * c.predicted[k]));
    const spread = (c.n ** 2 - squares(c.true)) * (c.n ** 2 - squares(c.predicted));
    return ratio(covariance, Math.sqrt(Math.max(spread, 0)));
  },
};
const unknown = () => task.score.filter((name) => !METRICS[name]);

// Where the page does not know a metric, accuracy stands in its place, and a note says so.
function score(counts) {
  const names = unknown().length ? ["accuracy"] : task.score;
  return (100 * sum(names.map((name) => METRICS[name](counts)))) / names.length;
}
