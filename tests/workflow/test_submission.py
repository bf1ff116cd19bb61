"""`snakemake submission`: what the config may ask for, what is refused before anything is trained,
and the whole way from hidden examples to the zip.
"""

import json
import zipfile
from pathlib import Path

import pytest
import yaml
from configs import changed, merged
from flow import snakemake
from glue_like import pairs, write_task
from hidden import hidden
from made_up_model import tuned

from smartbert.data.settings import DataSettings
from smartbert.data.sources import load_split
from smartbert.errors import UserError
from smartbert.leaderboard import SHEETS, check_zip
from smartbert.points import MAIN, Tuned
from smartbert.results import Run
from smartbert.tasks import task
from smartbert.trace.replay import Replay
from smartbert.trace.trace import Trace
from workflow.scripts.predict import chosen
from workflow.settings import submission, validation


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("submission.point", "half", "unknown value 'half'; known: b33, b50, b75, drop1, full, lt"),
        ("submission.point", {"rte": "b50"}, "key 'default' is missing in submission.point"),
        ("submission.point", {"default": "b50", "mnlj": "b50"}, "unknown key 'mnlj' (did you mean"),
        ("submission.space", "fixed", "unknown value 'fixed'; known: global, per_layer, published"),
        ("submission.seed", "one", 'submission.seed is "one"; it must be of type integer'),
        ("submission.file", "a.zip", "unknown key 'file'; known: method, point, seed, space"),
    ],
)
def test_what_no_submission_can_be_is_refused_when_the_config_is_read(path, value, message):
    with pytest.raises(UserError) as caught:
        validation.validate(changed(path, value))
    assert message in str(caught.value)


def test_the_certified_point_is_the_main_spaces_alone(tmp_path):
    config = asked(tmp_path, {"submission": {"point": {"default": "full", "wnli": "ltt"}}})
    submission.check_asked(config)
    assert [submission.point(config, name) for name in ("rte", "wnli")] == ["full", "ltt"]
    config["submission"]["space"] = "per_layer"
    message = r"submission\.point\.wnli is 'ltt', which is not chosen in space 'per_layer'; allowed"
    with pytest.raises(UserError, match=message):
        submission.check_asked(config)


def test_a_group_answers_with_all_its_trainings_at_hand(tmp_path):
    config = asked(tmp_path, {"submission": {"method": "truncated_bert"}})
    submission.check_asked(config)
    assert submission.members(config) == [f"truncated_bert_{depth}" for depth in (3, 4, 6, 9)]


def asked(folder: Path, change: dict[str, dict]) -> dict:
    """Return a valid config of WNLI alone, whose data have its hidden test split."""
    config = merged()
    config["tasks"], config["ablations"]["tasks"] = ["wnli"], []
    frames = {"train": pairs(), "validation": pairs(), "test": hidden("WNLI")}
    config["data"]["path"] = str(write_task(folder / "glue", frames, "wnli"))
    for section, values in change.items():
        config[section] |= values
    validation.validate(config)  # a run that asks for no submission goes its way
    return config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"submission": {"method": "smartbrt"}}, "unknown method 'smartbrt' (did you mean 'smart"),
        ({"submission": {"method": "pcee_bert"}}, "'pcee_bert', which reads another entry's trace"),
        ({"submission": {"seed": 9}}, "is 9, which 'smartbert' has not on wnli; known: 1, 2"),
        ({"submission": {"space": "global"}, "tuning": {"spaces": [MAIN]}}, "tuned in published"),
        ({"submission": {"method": "smartbert_soft", "space": "global"}}, "in published; set"),
        ({"data": {"path": "synthetic"}}, "generated data have no hidden test splits, of wh"),
    ],
)
def test_what_this_run_cannot_make_is_refused_before_it_is_trained(change, message, tmp_path):
    with pytest.raises(UserError) as caught:
        submission.check_asked(asked(tmp_path, change))
    assert message in str(caught.value)


def test_data_without_the_hidden_split_are_refused_before_anything_is_trained(tmp_path):
    config = asked(tmp_path, {})
    submission.check_asked(config)
    labelled = write_task(tmp_path / "labelled", pairs(), "wnli")
    config["data"]["path"] = str(labelled)
    with pytest.raises(UserError, match="has no split 'test' for task 'wnli'; it has: train, vali"):
        submission.check_asked(config)


def test_mnlis_model_answers_three_files():
    config = changed("tasks", ["mnli", "wnli"])
    found = [one.name for one in submission.answered(config)]
    assert found == ["MNLI-m", "MNLI-mm", "WNLI", "AX"]


def test_a_point_that_tune_did_not_find_is_told_with_the_reason():
    found = tuned("rte")
    assert chosen(found, MAIN, "b50").tune_cost == 0.45
    with pytest.raises(UserError) as caught:
        chosen(found, MAIN, "b33")
    assert str(caught.value) == (
        "SmartBERT on rte, seed 1, has no 'b33' in space 'published': no setting within 33 %;"
        " known: full, b75, b50, drop1; set `submission.point`, as {default: b33, rte: ...}"
    )


@pytest.mark.slow
def test_without_hidden_splits_nothing_is_planned(tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"results": str(tmp_path / "results")}))
    config = ["--configfile", "config/quick.yaml", str(tmp_path / "config.yaml")]
    told = snakemake("submission", "--cores", "1", "--quiet", "all", *config, expect=1)
    assert [line for line in told.splitlines() if line.strip()] == [
        "error: data.path is 'synthetic', and generated data have no hidden test splits, of which"
        " CoLA.tsv is made; set `data.path` in the config to GLUE's own"
    ]
    assert not (tmp_path / "results").exists()


ROWS = SHEETS["WNLI"].rows


@pytest.fixture(scope="module")
def submitted(tmp_path_factory):
    """The folder of a small run of WNLI whose hidden split is its test split in another order."""
    folder = tmp_path_factory.mktemp("submitted")
    settings = DataSettings("synthetic", 0, 64, None, 0.1, 40, 2000)
    frames = {
        split: load_split(task("wnli"), split, settings, rows=rows)
        for split, rows in (("train", 200), ("validation", ROWS))
    }
    test = frames["validation"].assign(idx=range(ROWS))
    frames["validation"] = test
    frames["test"] = test.sample(frac=1, random_state=0).assign(label=-1)
    write_task(folder / "glue", frames, "wnli")
    config = {
        "results": str(folder / "results"),
        "tasks": ["wnli"],
        "data": {"path": str(folder / "glue"), "tune": {"min": 40}},
        "compare": ["full_bert", "pabee"],
        "training": {"epochs": 1},
        "tuning": {"trials": 20},
        "submission": {"method": "pabee", "point": {"default": "drop1", "wnli": "b75"}},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    words = ["--configfile", "config/quick.yaml", str(folder / "config.yaml")]
    snakemake("submission", "--cores", "2", "--quiet", "all", *words)
    assert "Nothing to be done" in snakemake("submission", "--cores", "2", *words)
    return folder / "results"


@pytest.mark.slow
def test_the_zip_is_in_form_and_its_answers_are_those_of_the_traces(submitted):
    check_zip(submitted / "submission" / "glue.zip")
    with zipfile.ZipFile(submitted / "submission" / "glue.zip") as packed:
        lines = packed.read("WNLI.tsv").decode().splitlines()[1:]
        assert set(packed.read("RTE.tsv").decode().splitlines()[1:3]) == {
            "0\tentailment",
            "1\tentailment",
        }
    run = Run(submitted / "runs" / "wnli" / "pabee" / "seed1")
    trace, points = Trace.load(run.trace("test")), Tuned.read(run.points)
    policy = points.spaces[MAIN].points["b75"].policy
    wanted = Replay(trace).decide(policy).logits.argmax(-1)[trace.index.argsort()]
    same = sum(line == f"{row}\t{wanted[row]}" for row, line in enumerate(lines))
    assert same >= ROWS - 1  # a tie apart: the engine and the recorder add in other orders
    assert len(set(wanted)) == 2  # else any order of the examples would do
    record = json.loads((submitted / "submission" / "WNLI.json").read_text())
    assert 0.3 < record["cost"] <= 0.8 and record["member"] == "pabee" and record["point"] == "b75"
    page = (submitted / "submission" / "README.md").read_text()
    assert "| WNLI.tsv | 146 | PABEE, pabee, seed 1 | `b75` (published) |" in page


@pytest.mark.slow
def test_predictions_are_made_by_the_published_model(submitted):
    folder = submitted / "models" / "wnli" / "pabee" / "seed1"
    assert (folder / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert "](curve.png)" in (folder / "README.md").read_text()
