"""What is kept of a run, and how another goes on from it, on a made-up run."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from made_up_run import TASKS, task_data

from smartbert.errors import UserError
from smartbert.results import Results
from smartbert.trace.trace import Trace
from workflow.scripts import reference


def test_a_run_is_kept_and_gone_on_from(run, tmp_path):
    folder, kept, again = tmp_path / "run", tmp_path / "kept", tmp_path / "again"
    shutil.copytree(run, folder)
    own = Path("runs/rte/pabee/seed1")
    model = folder / own / "model.safetensors"
    model.write_bytes(b"large")
    reference.main(["save", str(folder), str(kept)])
    assert (kept / own / "trace-test.safetensors.gz").exists() and (kept / "claims.md").exists()
    assert not (kept / own / model.name).exists()
    assert {path.name for path in (kept / "data").rglob("*.*")} == {"task.json"}  # no texts
    with pytest.raises(UserError, match="is missing; make it first"):
        reference.main(["restore", str(kept), str(again)])
    for task in TASKS:
        record = Results(again).task(task)
        task_data(task).write(record)
    reference.main(["restore", str(kept), str(again)])
    trace = again / own / "trace-test.safetensors"
    restored, recorded = Trace.load(trace), Trace.load(folder / own / trace.name)
    assert restored.meta == recorded.meta
    np.testing.assert_array_equal(restored.executed, recorded.executed)
    np.testing.assert_allclose(restored.final_logits, recorded.final_logits, rtol=1e-3)
    assert trace.stat().st_mtime >= record.stat().st_mtime
    assert not (again / own / "points.json").exists()  # tuned anew, in seconds
    task_data(task, test="changed").write(record)
    with pytest.raises(UserError, match="recorded on other data"):
        reference.main(["restore", str(kept), str(again)])
