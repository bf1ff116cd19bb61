"""Files: whole or not at all, and a message where they cannot be written."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up import made_up
from safetensors.numpy import save_file

from smartbert.errors import UserError
from smartbert.files import read_json, whole, whole_folder, write_csv, write_rows, write_text
from smartbert.trace.trace import Trace
from smartbert.train.checkpoints import discard, keep_only


@pytest.fixture
def small_disk(tmp_path):
    """A file system with room for 256 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a small file system cannot be mounted here (needs root)")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "table.csv"
    write_text(path, "old")
    with pytest.raises(RuntimeError), whole(path) as partial:
        partial.write_text("half of the n")
        raise RuntimeError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_folders_files_appear_together_and_others_stay(tmp_path):
    write_text(tmp_path / "trace", "kept")
    with pytest.raises(RuntimeError), whole_folder(tmp_path, last="weights") as folder:
        write_text(folder / "config", "new")
        raise RuntimeError
    assert [p.name for p in tmp_path.iterdir()] == ["trace"]
    with whole_folder(tmp_path, last="weights") as folder:
        for name in ("weights", "config"):
            write_text(folder / name, "new")
        (folder / "weights").chmod(0o600)
        assert not (tmp_path / "config").exists()
    assert {p.name for p in tmp_path.iterdir()} == {"trace", "weights", "config"}
    assert (tmp_path / "weights").stat().st_mode == (tmp_path / "config").stat().st_mode


def test_checkpoints_lose_their_name_before_they_are_removed(tmp_path, monkeypatch):
    """A kill during the removal must leave nothing that looks like a checkpoint to resume from."""
    (tmp_path / "checkpoints" / "1-all" / "checkpoint-8").mkdir(parents=True)

    def killed(path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("shutil.rmtree", killed)
        discard(tmp_path / "checkpoints")
    assert not (tmp_path / "checkpoints").exists()
    discard(tmp_path / "checkpoints")  # nothing there


def test_checkpoints_of_something_else_are_not_resumed_from(tmp_path):
    """Such as those of a run that diverged, when its learning rate has been lowered since."""
    folder = tmp_path / "checkpoints"
    first = {"settings": {"learning_rate": 5e-5}, "data": {"fit": "a"}, "from": "b", "code": "c"}
    keep_only(folder, first)
    (folder / "1-all" / "checkpoint-8").mkdir(parents=True)
    keep_only(folder, first)
    assert (folder / "1-all" / "checkpoint-8").is_dir()
    keep_only(folder, {**first, "settings": {"learning_rate": 1e-5}})
    assert [path.name for path in folder.iterdir()] == ["made-of.json"]
    (folder / "1-all" / "checkpoint-8").mkdir(parents=True)
    (folder / "made-of.json").unlink()  # of an older version of this script
    keep_only(folder, first)
    assert [path.name for path in folder.iterdir()] == ["made-of.json"]


@pytest.mark.parametrize("text", ['{"a": NaN}', '{"a": -Infinity}', "[" * 100_000])
def test_json_that_is_none_is_one_clear_line(tmp_path, text):
    (tmp_path / "points.json").write_text(text)
    with pytest.raises(UserError, match=r"cannot read .*points\.json: .*; delete it and run again"):
        read_json(tmp_path / "points.json")


def test_rows_are_written_as_a_table_of_them(tmp_path):
    rows = [
        {"name": "a, b", "number": 3, "share": None, "score": 2 / 3, "front": True},
        {"name": 'say "c"', "number": 4, "share": 0.25, "score": 1e-9, "front": False},
    ]
    write_rows(rows, tmp_path / "rows.csv")
    write_csv(pd.DataFrame(rows), tmp_path / "table.csv")
    assert (tmp_path / "rows.csv").read_bytes() == (tmp_path / "table.csv").read_bytes()


def test_what_a_row_lacks_is_an_empty_cell_and_changes_no_other(tmp_path):
    path = tmp_path / "rows.csv"
    first = {"name": "a", "status": "none"}
    write_rows([first, {"name": "b", "count": np.int64(3), "share": np.float32(0.25)}], path)
    assert path.read_text() == "name,status,count,share\na,none,,\nb,,3,0.250000\n"
    write_rows([{"name": "a", "share": np.nan}], path)
    assert path.read_text() == "name,share\na,\n"
    write_rows([], path, columns=("name", "share"))
    assert path.read_text() == "name,share\n"


def writers() -> dict:
    """Ways to write a megabyte: text, table, trace, arrays of another library."""
    return {
        "text": lambda path: write_text(path, "x" * 2**20),
        "table": lambda path: write_csv(pd.DataFrame({"a": np.arange(2**17)}), path),
        "rows": lambda path: write_rows([{"a": number} for number in range(2**17)], path),
        "trace": lambda path: made_up("rte", "smartbert", n=4000).save(path),
    }


@pytest.mark.parametrize("kind", list(writers()))
def test_a_full_disk_is_one_clear_line_and_leaves_no_part(small_disk, kind):
    path = small_disk / "file"
    with pytest.raises(UserError, match=r"cannot write to .*small: no space left.*`results`"):
        writers()[kind](path)
    assert list(small_disk.iterdir()) == []


def test_weights_on_a_full_disk_too(small_disk):
    with (
        pytest.raises(UserError, match="no space left"),
        whole_folder(small_disk, last="model.safetensors") as folder,
    ):
        save_file({"a": np.zeros(2**20)}, folder / "model.safetensors")
    assert list(small_disk.iterdir()) == []


def test_a_checkpoint_on_a_full_disk_too(small_disk):
    import torch

    from smartbert.files import unwritable

    with pytest.raises(UserError, match="no space left"), unwritable(small_disk):
        torch.save(torch.zeros(2**20), small_disk / "optimizer.pt")


def test_a_read_only_folder_is_named(small_disk):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(UserError, match=r"cannot write to .*small: read-only file system"):
        write_text(small_disk / "file", "text")


def test_a_folder_without_permission_is_named(tmp_path):
    tmp_path.chmod(0o555)
    if os.access(tmp_path, os.W_OK):
        pytest.skip("this user may write everywhere")
    with pytest.raises(UserError, match="permission denied"):
        write_text(tmp_path / "file", "text")


def test_other_errors_pass(tmp_path):
    with pytest.raises(ZeroDivisionError), whole(tmp_path / "file"):
        1 / 0  # noqa: B018
    with pytest.raises(UserError, match="cannot read trace"):
        Trace.load(Path("/nowhere"))
