# The words that rules hand to their scripts, where they are more than a value of the config.


def on_file(words):
    """Return a file with words that would make a command too long: a path a line, or a JSON text.

    Its name is made of what is in it, so that a rule re-runs when that changes.
    """
    text = words if isinstance(words, str) else "".join(f"{word}\n" for word in words)
    path = Path(".snakemake", "words", hashlib.sha256(text.encode()).hexdigest()[:16])
    if not path.exists():
        write_text(path, text)
    return str(path)


def files_options(input, *names):
    """Return the words that hand on each named list of input files, on a file."""
    return " ".join(f"--{name} {on_file(input[name])}" for name in names)


def folder_options(input, *names):
    """Return the words that name the folders of input files; none where there are none."""
    return " ".join(f"--{name} {os.path.dirname(input[name][0])}" for name in names if input[name])


def states_option(input):
    """Return the words that name the record of held states; none where there are none."""
    return f"--states {input.states[0]}" if input.states else ""


def check_command(input):
    """Return the command that holds kept traces against a run's data, where it has any."""
    if not input.data:
        return "true"
    return (
        f"python -P -m workflow.scripts.kept --traces {input.tune} {input.test}"
        f" --provenance {input.provenance} --data {input.data} --backbone {input.backbone}"
    )


def report_options(tasks=None, names=None):
    """Return the words that say what a report is of: the manifest of the run, or of some tasks of
    it, and what its data are.
    """
    about = plan.manifest(
        config, tasks, names=names, kept=KEPT_RUNS.seeds(), trained=not KEPT_RUNS.complete
    )
    manifest = on_file(options.ordered(about))
    return shlex.join(["--manifest", manifest, f"--caption={options.caption(config, tasks)}"])


def rates_options():
    """Return the words that say which trainings `rates` compares."""
    members = {name: rates.rate_members(config, name) for name in config["rates"]["entries"]}
    words = ["--members", options.ordered(members)]
    caption = options.caption(config, config["rates"]["tasks"])
    return shlex.join([*words, f"--caption={caption}"])


def ablation_options(task):
    """Return the words that say what a task's ablation shows."""
    words = ["--variants", *plan.variants(config, task)]
    words += ["--weights", options.compact(plan.lambda_grid(config, task))]
    words += ["--settings", options.compact(config["statistics"])]
    about = report_options([task], plan.ablation_entries(config, task))
    return f"{shlex.join(words)} {about}"


def tuning_options(method):
    """Return the words that say what is tuned of a method, and how."""
    words = ["--method", method, "--run", os.path.basename(config["results"])]
    words += ["--convention", config["cost"]["convention"]]
    words += ["--settings", options.compact(plan.tuning(config, method))]
    members = options.member_options(config, GROUPS[method])
    return f"{shlex.join(words)} {members} {options.title_option(config, method)}"


def method_digest(script, method):
    """Return the digest of a script's code, of the method's own, and of the encoder's record."""
    return digest(script, entries.module(config, method), ENCODER)
