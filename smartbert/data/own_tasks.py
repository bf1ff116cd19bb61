"""Own tasks: the record of a task that a config describes (`own_tasks`), completed from its data.

What the config leaves open is looked up where the data are here: which splits there are, and the
names of the classes. No torch; no pandas but for what `save_to_disk` wrote.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from smartbert.data.files import check_columns, read_files
from smartbert.data.folders import is_local, local_layout, own_layout
from smartbert.data.labels import names_of
from smartbert.data.layouts import Layout
from smartbert.data.settings import DataSettings, setting
from smartbert.errors import UserError
from smartbert.metrics import METRICS
from smartbert.records import Record
from smartbert.tasks import CARVED, TaskSpec

TRAIN, TEST = "train", "test"
VALIDATION = ("validation", "valid", "val", "dev", "development", "eval")


@dataclass(frozen=True)
class OwnTask(Record):
    """An entry of `own_tasks`, as a config has it.

    Attributes:
        path: a file, a folder or a hub id.
        columns: the one or two columns of text.
        label: the column of the labels.
        labels: class names in the order of their ids; None: those that train has.
        score: one metric, or several whose mean is the score.
        splits: names of splits, or files, by train, tune and test; None in place of one: it is cut
            from train.
        title: how tables call it; None: its name, with a capital.
        caption: a sentence on what its data are.
        group: column whose equal values stay in one split.
        subset: configuration of a data set that has several.
    """

    path: str
    columns: tuple[str, ...]
    label: str = "label"
    labels: tuple[str, ...] | None = None
    score: tuple[str, ...] = ("accuracy",)
    splits: Mapping[str, str | None] = field(default_factory=dict)
    title: str | None = None
    caption: str = ""
    group: str | None = None
    subset: str | None = None


def own_spec(name: str, own: OwnTask, settings: DataSettings) -> TaskSpec:
    """Return the record of a task of the config.

    Args:
        settings: of its data; its `path` is the task's.

    Raises:
        UserError: if the data, a split or the labels are missing, or cannot be read.
    """
    train = own.splits.get("train") or TRAIN
    spec = TaskSpec(
        name,
        own.title or name.replace("_", " ").capitalize(),
        own.columns,
        own.labels or ("", ""),  # until they are read
        score=own.score,
        train=train,
        test=(("", own.splits.get("test", TEST) or CARVED),),
        group=own.group,
        own=True,
        label=own.label,
        tune=own.splits.get("tune"),
    )
    if is_local(own.path):
        spec = _with_splits(spec, own, own_layout(spec, settings))
    elif own.labels is None:
        raise UserError(
            f"data of task {name!r} are on the hub ({own.path!r}), where they are not read before"
            f" they are needed: set {setting(spec, 'labels')} to the names of its classes, in the"
            " order of their ids"
        )
    if own.labels is None:
        spec = replace(spec, labels=_labels(spec, settings))
        if any(METRICS[metric].classes == 2 for metric in own.score if metric in METRICS):
            raise UserError(
                f"task {name!r}: F1 is of the second class, and the order of classes is not said;"
                f" set {setting(spec, 'labels')}, here to [{', '.join(spec.labels)}] or turned"
                " round"
            )
    return spec


def _with_splits(spec: TaskSpec, own: OwnTask, layout: Layout) -> TaskSpec:
    """Return the record with the splits that the config leaves open, by what there is."""
    there = list(layout.files)
    known = [name for name in VALIDATION if name in there]
    train, test, tune = spec.train, spec.test[0][1], spec.tune
    if "train" not in own.splits and TRAIN not in there and len(there) == 1:
        train = there[0]
    if "test" not in own.splits and TEST not in there:
        # As GLUE's: what is there to be scored on is test, and tune is cut from train.
        free = [name for name in known if name != tune]
        test = free[0] if free else CARVED
    if "tune" not in own.splits:
        free = [name for name in known if name != test]
        tune = free[0] if free else None
    return replace(spec, train=train, test=(("", test),), tune=tune)


def _labels(spec: TaskSpec, settings: DataSettings) -> tuple[str, ...]:
    """Return the classes that train has, by the names that the data have for them."""
    layout = local_layout(spec, settings)
    assert layout is not None  # of local data
    split = settings.train or spec.train
    where = f"{settings.path} ({spec.name}, split {split!r})"
    files = layout.files[split]
    if layout.labels:
        return layout.labels
    if layout.kind == "saved":
        from smartbert.data.sources import saved

        frame, names = saved(files, where, setting(spec), label=spec.label)
        check_columns(list(frame.columns), [spec.label], where, spec)
        values = frame[spec.label].tolist()
    else:
        table, names, header = read_files(files, [spec.label], layout.csv, where, label=spec.label)
        check_columns(header, [spec.label], where, spec)
        values = table[spec.label]
    if not values:
        raise UserError(f"{where}: no rows; set {setting(spec)}")
    found = tuple(names) if names else names_of(values, where, setting(spec, "labels"))
    if len(found) < 2:
        raise UserError(
            f"{where}: column {spec.label!r} has one class alone, {found[0]!r}, and a task needs"
            f" two or more; set {setting(spec, 'label')} or {setting(spec)}"
        )
    return found
