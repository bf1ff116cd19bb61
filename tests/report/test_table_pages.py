"""The pages of the tables: captions, columns, what stands in a cell."""

import numpy as np
import pandas as pd
import pytest
from made_up_tables import TITLES, every_score, exits, gate_rows

from smartbert.analysis.tables import concat, exits_table, gates_table, sweep_table
from smartbert.points import FIXED, MAIN
from smartbert.report.page import in_some_draws, some_seeds, with_interval
from smartbert.report.table_pages import (
    differences_page,
    exits_page,
    gates_page,
    glue_page,
    sweep_page,
)


@pytest.fixture
def rows() -> pd.DataFrame:
    return every_score()


def test_mnlis_two_test_sets_have_rows_of_their_own_on_the_page(rows):
    text = sweep_page(sweep_table(rows), caption="").markdown()
    assert "MNLI (matched)" in text and "MNLI (mismatched)" in text


def test_a_page_of_one_training_speaks_of_no_mean_over_seeds(rows):
    several = sweep_page(sweep_table(rows), caption="").markdown()
    one = sweep_page(sweep_table(rows[rows["seed"] == 1]), caption="").markdown()
    assert "means over seeds" in several and "one training each" not in several
    assert "one training each" in one and "means over seeds" not in one


def test_a_page_states_its_data_and_convention(rows):
    page = sweep_page(sweep_table(rows), caption="Made up.")
    assert "Made up." in page.markdown() and "`flops`" in page.markdown()
    assert "true token length" in page.markdown()
    assert r"\toprule" in page.latex() and "Made up." in page.latex()


def test_the_exits_table_shows_methods_with_exits_and_dense_bert():
    table = exits_table(concat([exits("rte", "pabee"), exits("rte", "full_bert")]))
    text = exits_page(table, caption="").markdown()
    pabee = next(line for line in text.splitlines() if "PABEE" in line)
    assert [cell.strip() for cell in pabee.split("|")[3:-1]] == [
        f"{50 + 5 * n}.0" for n in range(1, 7)
    ]
    bert = next(line for line in text.splitlines() if "| BERT" in line)
    assert [cell.strip() for cell in bert.split("|")[3:-1]] == [""] * 5 + ["80.0"]


def test_a_run_without_smartbert_has_an_empty_page_of_differences():
    row = {"task": "rte", "subset": "", "space": MAIN, "first": "deebert", "second": "pabee"}
    value = {"difference": 1.0, "low": 0.0, "high": 2.0, "probability": 0.9}
    table = pd.DataFrame([{**row, "point": "auc", "kind": "score", **value}])
    page = differences_page(table, TITLES, caption="Made up.")
    assert page.sections == () and "Made up." in page.markdown() and page.latex() == ""


def test_the_gates_page_shows_skipping_by_layer():
    text = gates_page(gates_table(gate_rows()), caption="").markdown()
    assert "| 25% (0.50 ± 0.02) | 35% (0.50 ± 0.02) | 100%" in text
    without = gates_table(gate_rows(filled=False))
    assert gates_page(without, caption="").markdown().startswith("# What the gates")


def glue_rows(**values: object) -> pd.DataFrame:
    """A row of the main table, of all of three seeds; beside dense BERT's."""
    row = {"task": "rte", "method": "pabee", "title": "PABEE", "space": MAIN, "subset": ""}
    row |= {"point": "b50", "score": 71.24, "score_low": 70.0, "score_high": 72.0, "seeds": 3}
    row |= {"optimism": 1.26, "cost_relative": 0.48, "cost_total": 0.52, "none": 0.0}
    row |= {"status": "ok", "convention": "flops"}
    dense = row | {"method": "full_bert", "title": "BERT", "point": "full", "cost_relative": 1.0}
    full = row | {"point": "full"}
    return pd.DataFrame([dense, full, row | values])


@pytest.mark.parametrize(
    ("values", "cell"),
    [
        ({}, "**71.2 [70.0, 72.0] (+1.3) 48%/52%**"),
        ({"optimism": -0.5}, "**71.2 [70.0, 72.0] (-0.5) 48%/52%**"),
        ({"seeds": 2}, "**71.2 [70.0, 72.0] (+1.3) 48%/52%, 2 of 3 seeds**"),
        (
            {"none": 0.164, "score_low": -np.inf},
            "**71.2 [–, 72.0] (+1.3) 48%/52%, none in 16%**",
        ),
        ({"none": 0.004}, "**71.2 [70.0, 72.0] (+1.3) 48%/52%**"),
    ],
    ids=["whole", "worse on tune", "some seeds", "some draws", "hardly any"],
)
def test_what_stands_in_a_cell(values, cell):
    page = glue_page(glue_rows(**values), no_pairs(), caption="", beside={})
    section = next(s for s in page.sections if s.heading.startswith("b50"))
    assert str(section.frame.set_index("method").loc["PABEE", "RTE"]) == cell


def test_one_training_says_so():
    rows = glue_rows().assign(seeds=1)
    text = glue_page(rows, no_pairs(), caption="", beside={}).markdown()
    assert "48%/52%, one training" in text and "of 1 seeds" not in text


def test_what_stands_beside_is_never_the_best():
    fixed = glue_rows(space=FIXED, score=90.0).iloc[[2]]
    page = glue_page(pd.concat([glue_rows(), fixed]), no_pairs(), caption="", beside={})
    section = next(s for s in page.sections if s.heading.startswith("b50"))
    cells = section.frame.set_index("method")["RTE"].map(str)
    assert list(cells.index) == ["BERT", "PABEE", "PABEE, fixed exit"]
    assert cells["PABEE"].startswith("**") and cells["PABEE, fixed exit"].startswith("90.0")


def test_a_difference_says_what_draws_lack_and_which_end_that_leaves_open():
    row = {"task": "rte", "subset": "", "space": MAIN, "first": "smartbert", "second": "pabee"}
    row |= {"kind": "score", "difference": 1.0, "low": -np.inf, "high": 2.0, "probability": 0.9}
    row |= {"seeds": 3, "none": 0.16, "error": 0.5, "freedom": 9.0}
    whole = row | {"point": "auc", "low": 0.0, "none": 0.0}
    own_depths = whole | {"second": "smartbert", "space": FIXED}
    table = pd.DataFrame([row | {"point": "b50"}, whole, own_depths])
    page = differences_page(table, TITLES, caption="")
    (section,) = page.sections
    (line,) = section.frame.to_dict("records")
    assert line["compared with"] == "PABEE"
    assert line["auc"] == "+1.0 [+0.0, +2.0] p 0.90"
    assert line["score at b50"] == "+1.0 [–, +2.0] p 0.90, none in 16%"
    cost = pd.DataFrame([row | {"point": "drop1", "kind": "cost", "low": -0.05, "high": np.inf}])
    (line,) = differences_page(cost, TITLES, caption="").sections[0].frame.to_dict("records")
    assert line["cost at drop1"] == "+100.0 [-5.0, –] p 0.90, none in 16%"


def no_pairs() -> pd.DataFrame:
    names = ["task", "subset", "space", "first", "second", "point", "kind", "probability"]
    return pd.DataFrame(columns=[*names, "difference", "low", "high"])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ((71.24, 70.0, 72.5), "71.2 [70.0, 72.5]"),
        ((71.24, -np.inf, 72.5), "71.2 [–, 72.5]"),
        ((71.24, 70.0, np.inf), "71.2 [70.0, –]"),
        ((np.nan, np.nan, np.nan), ""),
    ],
)
def test_an_open_end_is_a_dash(value, text):
    assert with_interval(*value) == text


def test_numbers_are_written_as_asked():
    assert with_interval(2.5, 2.449, np.inf, spec=".2f") == "2.50 [2.45, –]"
    assert with_interval(1.0, -0.5, 2.0, spec="+.1f") == "+1.0 [-0.5, +2.0]"
    assert [in_some_draws(x) for x in (0.0, 0.004, 0.005, 0.34, np.nan)] == [
        *("", "", ", none in 0%", ", none in 34%", "")
    ]
    assert [some_seeds(*pair) for pair in ((3, 3), (2, 3), (1, 1), (1, 3))] == [
        *("", ", 2 of 3 seeds", ", one training", ", 1 of 3 seeds")
    ]
