"""The pages of the tables: captions, columns, what stands in a cell."""

import pandas as pd
import pytest
from made_up_tables import TITLES, every_score, exits, gate_rows

from smartbert.analysis.tables import concat, exits_table, gates_table, sweep_table
from smartbert.report.table_pages import differences_page, exits_page, gates_page, sweep_page


@pytest.fixture
def rows() -> pd.DataFrame:
    return every_score()


def test_mnlis_two_test_sets_have_rows_of_their_own_on_the_page(rows):
    text = sweep_page(sweep_table(rows), caption="").markdown()
    assert "MNLI (matched)" in text and "MNLI (mismatched)" in text


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
    row = {"task": "rte", "subset": "", "space": "global", "first": "deebert", "second": "pabee"}
    value = {"difference": 1.0, "low": 0.0, "high": 2.0, "probability": 0.9}
    table = pd.DataFrame([{**row, "point": "auc", "kind": "score", **value}])
    page = differences_page(table, TITLES, caption="Made up.")
    assert page.sections == () and "Made up." in page.markdown() and page.latex() == ""


def test_the_gates_page_shows_skipping_by_layer():
    text = gates_page(gates_table(gate_rows()), caption="").markdown()
    assert "| 25% (0.50 ± 0.02) | 35% (0.50 ± 0.02) | 100%" in text
    without = gates_table(gate_rows(filled=False))
    assert gates_page(without, caption="").markdown().startswith("# What the gates")
