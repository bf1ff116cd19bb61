# Input functions: which files a job is made from.


@cache
def data_layout(task):
    """Return where a local folder has a task's files, and what its card says of them."""
    return options.data_layout(config, task)


@cache
def hidden_layout(sheet):
    """Return where a local folder has the hidden test split that a file is made of."""
    return submission.layout(config, sheet)


def model_files(key):
    """Return an input function: the trained model that an entry `continues`, or its `teacher`."""

    def files(wildcards):
        other = entries.entry(config, wildcards.method, key)
        folder = f"<results>/runs/{wildcards.task}/{other}/seed{wildcards.seed}"
        names = ["model.safetensors", "config.json", "provenance.json"]
        return [f"{folder}/{name}" for name in names] if other else []

    return files


def states_files(wildcards):
    """Return the held states of the frozen layers that an entry trains heads on."""
    gating = plan.frozen_pass(config, wildcards.task, wildcards.method)
    other = entries.entry(config, wildcards.method, "continues")
    folder = f"<results>/runs/{wildcards.task}/{other}/seed{wildcards.seed}"
    return [f"{folder}/states-{gating}.{kind}" for kind in ["json", "bin"]] if gating else []


def trace_files(split):
    def files(wildcards):
        return [
            f"<results>/runs/{wildcards.task}/{name}/seed{wildcards.seed}/trace-{split}.safetensors"
            for name in GROUPS[wildcards.method]
        ]

    return files


def run_files(task, names, file):
    return [
        f"<results>/runs/{task}/{group}/seed{seed}/{file}"
        for group, members in entries.groups(config, names).items()
        for seed in entries.seeds(config, task, members[0])
    ]


def member_files(task, names, file):
    return [
        f"<results>/runs/{task}/{name}/seed{seed}/{file}"
        for group in entries.groups(config, names)
        for name in GROUPS[group]
        for seed in entries.seeds(config, task, name)
    ]


def compared_files(*files, tasks=config["tasks"]):
    return [
        path
        for file in files
        for task in tasks
        for path in run_files(task, entries.compared(config, task), file)
    ]


def first_trials(wildcards=None):
    """Return what was tried in the first seed of every method and task."""
    return [
        f"<results>/runs/{task}/{group}/seed{entries.seeds(config, task, members[0])[0]}/trials.csv"
        for task in config["tasks"]
        for group, members in entries.groups(config, entries.compared(config, task)).items()
    ]


def model_file(path):
    """Mark a model's weights as removable once all that read them have run, unless they are kept."""
    return path if config["keep_models"] else temp(path)


def published_files(tasks):
    return [
        f"<results>/models/{task}/{name}/seed{seed}/README.md"
        for task in tasks
        for name in entries.compared(config, task)
        if not entries.is_read(config, name)
        for seed in entries.seeds(config, task, name)
    ]


def latency_files(wildcards):
    tasks = config["tasks"] if wildcards.scope == "all" else [wildcards.scope]
    return [
        f"<results>/runs/{task}/{group}/seed{entries.seeds(config, task, members[0])[0]}/latency.csv"
        for task in tasks
        for group, members in entries.groups(config, entries.compared(config, task)).items()
        if not any(entries.is_read(config, name) for name in GROUPS[group])
    ]


def group_of(entry):
    return entries.entry(config, entry, "group") or entry


def group_models(wildcards):
    """Return the trained models behind a method: weights, config, provenance."""
    return [
        f"<results>/runs/{wildcards.task}/{name}/seed{wildcards.seed}/{file}"
        for name in GROUPS[wildcards.method]
        for file in ["model.safetensors", "config.json", "provenance.json"]
    ]


def tuned_files(wildcards):
    """Return what a published model says of its thresholds: points and tables."""
    run = f"{wildcards.task}/{group_of(wildcards.method)}/seed{wildcards.seed}"
    names = ["points.json", "scores.csv", "usage.csv", "curve.csv"]
    return [f"<results>/runs/{run}/{name}" for name in names]


def recorded_for(wildcards, names):
    """Return the provenance of the trainings whose traces some entries read in place of theirs."""
    return [
        f"<results>/runs/{wildcards.task}/{READ[name]}/seed{wildcards.seed}/provenance.json"
        for name in names
        if name in READ
    ]


def answers_files(wildcards):
    """Return the files that models write for GLUE's leaderboard; where they cannot be had, say so
    before anything is trained.
    """
    try:
        submission.check_asked(config)
    except UserError as error:
        sys.exit(f"error: {error}")
    return [f"<results>/submission/{one.name}.tsv" for one in submission.answered(config)]


def answering_points(wildcards):
    """Return the thresholds at which a file is answered."""
    own, task = config["submission"], SHEETS[wildcards.sheet].task
    return f"<results>/runs/{task}/{own['method']}/seed{own['seed']}/points.json"


def answering_models(wildcards):
    """Return the published models, of which thresholds choose one."""
    task, seed = SHEETS[wildcards.sheet].task, config["submission"]["seed"]
    return [
        f"<results>/models/{task}/{name}/seed{seed}/README.md"
        for name in submission.members(config)
    ]


def read_files(wildcards):
    """Return the traces that an entry reads in place of its own."""
    run = f"{wildcards.task}/{READ[wildcards.method]}/seed{wildcards.seed}"
    return [f"<results>/runs/{run}/trace-{split}.safetensors" for split in ["tune", "test"]]


def foreign_files(wildcards):
    """Return the traces that another code base wrote, compressed or not."""
    return entries.trace_files(config, wildcards.method, wildcards.task, wildcards.seed)


def kept_provenance(wildcards):
    """Return what the training behind kept traces was made of."""
    key = wildcards.task, wildcards.method, int(wildcards.seed)
    return str(KEPT_RUNS.taken[key])


def compared_statistics():
    """Return the tables of every task's comparison."""
    return expand("<results>/statistics/{task}/{name}.csv", task=config["tasks"], name=STATISTICS)


def comparison_files(task, names):
    """Return what a comparison is made from: thresholds, what was tried, traces."""
    return {
        "points": run_files(task, names, "points.json"),
        "trials": run_files(task, names, "trials.csv"),
        "traces": [
            path
            for split in ["tune", "test"]
            for path in member_files(task, names, f"trace-{split}.safetensors")
        ],
    }


def explorer_files(wildcards):
    """Return what the explorer replays: thresholds and test traces of all that is compared."""
    found = {"points": [], "traces": []}
    for task in config["tasks"]:
        names = entries.compared(config, task)
        found["points"] += run_files(task, names, "points.json")
        found["traces"] += member_files(task, names, "trace-test.safetensors")
    return found


# Methods with exits under one threshold for all layers, whose thresholds rules of choosing choose.
CHOOSING = [
    name for name in ["smartbert", "exit_only", "deebert"] if name in entries.compared(config)
]


def choosing_files(wildcards):
    """Return what rules of choosing are compared on: every task that means are taken over."""
    tasks = [name for name in config["tasks"] if TASKS[name].averaged]
    if not tasks or not CHOOSING:
        lacking = "`tasks` has none that means are taken over" if CHOOSING else "`compare` has none"
        sys.exit(
            "error: config: `choosing` is about smartbert, exit_only and deebert on several tasks;"
            f" {lacking}"
        )
    found = [
        comparison_files(
            name, [n for n in [REFERENCE, *CHOOSING] if n in entries.compared(config, name)]
        )
        for name in tasks
    ]
    return {key: [path for one in found for path in one[key]] for key in found[0]}


def rates_files(wildcards):
    """Return the tune traces of every training that `rates` compares, and the tasks' records; where
    nothing is trained and some are not kept, say so.
    """
    lacking = order.missing_rates(config, KEPT_RUNS) if KEPT_RUNS.complete else []
    if lacking:
        sys.exit(
            f"error: `rates` compares {len(lacking)} trainings that {config['traces_from']} does not"
            f" have ({'/'.join(map(str, lacking[0]))}, ...), and a config whose runs are all kept"
            " trains nothing; call it without `traces_from`"
        )
    return {
        "traces": [
            f"<results>/runs/{task}/{name}/seed{seed}/trace-tune.safetensors"
            for task, name, seed in rates.rate_runs(config)
        ],
        "data": expand("<results>/data/{task}/task.json", task=config["rates"]["tasks"]),
    }


def ablation_inputs(wildcards):
    """Return what a task's ablation is made from."""
    return comparison_files(wildcards.task, plan.ablation_entries(config, wildcards.task))


def ablation_parts():
    """Return the tables behind the ablations that are part of the run."""
    tasks = config["ablations"]["tasks"]
    return expand("<results>/ablations/{task}/{name}.csv", task=tasks, name=ABLATION_PARTS)
