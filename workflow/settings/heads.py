"""Heads: whether the kinds of head that the config names go together, before anything runs."""

from smartbert.errors import UserError
from smartbert.head_kinds import check_continued, check_contrast, check_shared
from workflow.settings.entries import entry, method_settings, needed, record
from workflow.settings.plan import entries_of


def check_heads(config: dict) -> None:
    """Raise UserError if an entry that is run, or that one of them comes of, has heads that do not
    go together, or not with those of the model that it continues.
    """
    for task in config["tasks"]:
        shown = entries_of(config, task)
        for name in dict.fromkeys(one for own in shown for one in [*needed(config, own), own]):
            try:
                _check(config, task, name)
            except UserError as error:
                raise UserError(f"config: {error} (task {task})") from None


def head_kind(config: dict, task: str, name: str, part: str) -> str | None:
    """Return the kind of an entry's `exits` or `head`, None where its method has no such setting or
    is defined by a file of its own.
    """
    own = record(config, name)
    if own is None or part not in own.settings:
        return None
    found = method_settings(config, task, name).get(part, own.settings[part].get("default"))
    return None if found is None else str(found)


def _check(config: dict, task: str, name: str) -> None:
    own, parent = record(config, name), entry(config, name, "continues")
    exits, head = (head_kind(config, task, name, part) for part in ("exits", "head"))
    if own and own.shares and exits and head:
        check_shared(exits, head, entry=name)
    if own and exits and "eta" in own.settings:
        check_contrast(exits, method_settings(config, task, name).get("eta", 1), entry=name)
    for part, kind in (("head", head), ("exits", exits)):
        if parent:
            check_continued(part, kind, head_kind(config, task, parent, part), entry=name)
