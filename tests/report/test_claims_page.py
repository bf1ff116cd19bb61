"""The page of claims: one table of verdicts first, each with the figure that decides it."""

import numpy as np
import pandas as pd
import pytest
from made_up_tables import World

from smartbert.analysis.evidence import OPEN, REFUTED, SUPPORTED, UNMEASURED, UNTESTABLE
from smartbert.points import AUC, DROP
from smartbert.report.claims_page import CHANGES, STATEMENTS, claims_markdown, verdicts_frame

SEEDS = {"sst2": (1, 2, 3), "qnli": (1, 2, 3), "rte": (1, 2, 3)}
WHOLE = World.of()


def page(world: World, seeds: dict[str, tuple[int, ...]] = SEEDS) -> str:
    return claims_markdown(world.claims(), caption="Made up.", seeds=seeds)


def verdicts(world: World) -> pd.DataFrame:
    return verdicts_frame(world.claims())


def by_number(world: World) -> pd.DataFrame:
    """Return the lines by the number of the claim, the second of the second as 2.5."""
    frame = verdicts(world)
    numbers = frame["claim"].str.split(".").str[0].astype(float)
    frame.index = pd.Index(numbers.where(~numbers.duplicated(), numbers + 0.5))
    return frame


def test_each_claim_has_a_line_and_the_second_two():
    frame = verdicts(World.of(("sst2", "qnli", "rte"), "matched", "released"))
    assert list(frame) == ["claim", "verdict", "decided by", "what would change it"]
    numbers = frame["claim"].str.split(".").str[0].astype(int)
    assert list(numbers) == [1, 2, 2, *range(3, 10)] and set(numbers) == set(STATEMENTS)
    assert frame["claim"][2].endswith(", as released")
    assert [c.endswith("(ours)") for c in frame["claim"]] == [False] * 7 + [True] * 3
    assert set(frame["verdict"]) == {SUPPORTED}
    assert set(frame["what would change it"]) == {CHANGES[SUPPORTED]}


def test_the_deciding_figure_is_told_with_interval_and_p():
    frame = verdicts(World.of(("sst2", "qnli", "rte"), "matched", "released"))
    decided = frame["decided by"]
    assert decided[0] == "median FLOPs reduction at drop1 over SST-2, QNLI, RTE: 2.50 [2.45, 2.55]"
    assert decided[1] == (
        "auc, smartbert against deebert, mean over SST-2, QNLI, RTE: 1.00 [0.89, 1.11], p <0.001"
    )
    assert decided[2].startswith("as released: auc, smartbert_released against deebert_released")
    assert decided[3].startswith("RTE: cost that exit_only saves at drop1, %: 3.00 [2.00, 4.00]")


@pytest.mark.parametrize(
    ("value", "verdict", "p"), [(-1.0, REFUTED, "<0.001"), (0.05, OPEN, "0.386")]
)
def test_a_verdict_that_falls_is_told_with_what_would_change_it(value, verdict, p):
    world = WHOLE.moved({"second": "deebert", "point": AUC}, value)
    (line,) = verdicts(world)[lambda f: f["claim"].str.startswith("2")].to_dict("records")[:1]
    assert line["verdict"] == verdict and line["what would change it"] == CHANGES[verdict]
    assert line["decided by"].startswith("auc, smartbert against deebert")
    assert line["decided by"].endswith(f"p {p}")


def test_what_is_not_testable_is_told_by_the_two_numbers():
    world = WHOLE.where("points", {"method": "full_bert", "task": "rte"}, majority=79.0)
    frame = by_number(world)
    for claim in (3, 4):
        assert frame.loc[claim, "verdict"] == UNTESTABLE
        numbers = "dense BERT 80.0 [78.0, 82.0], majority class 79.0"
        assert numbers in frame.loc[claim, "decided by"]
        assert frame.loc[claim, "what would change it"] == CHANGES[UNTESTABLE]
    assert numbers in page(world)


def test_what_is_not_measured_has_no_figure():
    frame = by_number(WHOLE)
    assert frame.loc[2.5, "verdict"] == UNMEASURED and frame.loc[2.5, "decided by"] == ""


def test_a_verdict_for_want_of_seeds_says_why():
    world = WHOLE.with_seeds(2)
    frame = by_number(world)
    for claim in (1, 2, 5, 6, 7, 8, 9):
        assert frame.loc[claim, "verdict"] == OPEN
        assert "3 seeds" in frame.loc[claim, "decided by"]


def test_the_table_of_verdicts_comes_first():
    text = page(WHOLE)
    assert text.startswith("# The claims of the paper, measured\n\nMade up.\n\n| claim")
    assert text.count("\n## ") == len(STATEMENTS)
    for number, statement in STATEMENTS.items():
        assert f"\n## {number}. {statement}: supported" in text
    assert (
        "\n## 2. better than earlier methods in efficiency and accuracy: supported; as released"
        in (text)
    )
    assert "One training" not in text


def test_the_figures_of_a_claim_stand_beneath_it_with_notes_and_p():
    section = page(WHOLE).split("\n## ")[2]
    assert section.startswith("2. better") and "Measured as: Paired difference in auc" in section
    head = next(line for line in section.splitlines() if line.startswith("| task"))
    assert [cell.strip() for cell in head.strip("|").split("|")] == [
        *("task", "what", "value [95 % interval]", "seeds", "p", "verdict")
    ]
    assert section.count("| all ") == 2 and section.count("| RTE ") == 2
    alone = page(World.of(["sst2"])).split("\n## ")[2]
    assert "one task alone decides nothing" in alone


def test_a_run_without_what_measures_it_says_so():
    text = page(World.of(("sst2", "qnli"), "released"))
    assert text.count("This run has no training that measures it.") >= 3
    assert "1. 2-3x less computation than BERT at a minimal drop: not measured" in text


def test_open_ends_and_single_trainings_are_told():
    keys = {"method": "smartbert", "point": DROP, "task": "sst2"}
    world = WHOLE.where("points", keys, cost_high=np.inf, none=0.2)
    text = page(world, {**SEEDS, "qnli": (1,)})
    assert "2.50 [–, 2.56]" in text and "none in 20% of the draws" in text
    assert "One training: QNLI. They are shown and decide nothing." in text
