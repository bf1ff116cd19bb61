# What the report files pictures and tables under.


# What each kind of figure is filed under in the report.
KINDS = {
    "exits": "Score of each exit",
    "usage": "Where examples exit and skip",
    "lengths": "Cost by length",
    "trials": "Search on tune",
}
PAGE_TITLES = {
    "glue": "score and cost at each operating point",
    "sweep": "the publications' own thresholds",
    "curves": "fronts carried to test",
    "auc": "mean score over the cost range",
    "differences": "paired differences",
    "exits": "score of each exit",
    "gates": "what the gates did",
    "published": "the literature's figures",
}


def in_report(path, caption, category, **labels):
    return report(path, caption=f"../report/{caption}.rst", category=category, labels=labels)


def figure_in_report(name):
    path = f"<results>/figures/{name}.png"
    own, _, kind = name.rpartition("-")
    if (kind or name) in KINDS:
        return in_report(path, kind or name, KINDS[kind or name], task=own or "all tasks")
    task = name.removesuffix("-per-layer").removesuffix("-others")
    thresholds = "one per layer" if name.endswith("-per-layer") else "one for all layers"
    labels = {"task": "all tasks" if task == "glue" else task, "thresholds": thresholds}
    labels["methods"] = "others" if name.endswith("-others") else "main"
    return in_report(path, "curves", "Score against cost", **labels)


def table_in_report(path):
    name = Path(path).stem
    shown = path.endswith(".csv") and name in PAGE_TITLES
    return in_report(path, "tables", "Tables", table=PAGE_TITLES[name]) if shown else path
