"""What does a card do? Decisions, times, training and recording, within five minutes.

    make card                                                        on a machine with a card
    make card DEVICE=cpu SIZE=tiny                                   the whole of it, elsewhere
    PYTHONPATH=.:tests python -m speed.card --parts times --minutes 3
    PYTHONPATH=.:tests python -m speed.card --page-only              docs/card.md, from what is kept

Installs nothing: the interpreter has torch, transformers and the suite's packages, or PYTHONPATH
names a folder of them, as a bundle's `site`. Each part has a process and a share of the time: what
fails or takes too long says so in its table and stops no other. Tables go to
results/reference/card and their page to docs/card.md; of a trial (a CPU, a smaller model) both go
to results/card, where nobody takes them for a card's.
"""

import argparse
import importlib
import importlib.util
import json
import os
import platform
import shlex
import signal
import sys
import time
import traceback
from contextlib import ExitStack
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

# What they import may be lacking: told in one line, before they are.
NEEDS = ("numpy", "torch", "transformers", "msgspec", "array_api_compat", "pandas", "tabulate")
if lacking := [name for name in NEEDS if importlib.util.find_spec(name) is None]:
    sys.exit(
        f"error: {sys.executable} lacks {', '.join(lacking)}; set PYTHON to one that has them"
        " (.venv/bin/python after `make quick`), or PYTHONPATH to a folder with them, as a bundle's"
        " `site`"
    )

from speed.card_setting import COLUMNS, PARTS, SIZES, Report, Setting, silent  # noqa: E402

from smartbert.train.devices import take_one, visible  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
REFERENCE, TRIAL = ROOT / "results" / "reference" / "card", ROOT / "results" / "card"
PROVENANCE, PAGE = "provenance.json", "card.md"
MODULES = {  # where each part is
    "decisions": "card_decisions",
    "times": "card_times",
    "training": "card_training",
    "recording": "card_recording",
}
SHARES = {"decisions": 0.26, "times": 0.33, "training": 0.34, "recording": 0.07}  # of the time
SPARE = 8.0  # seconds before the end, for the page


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    began = time.monotonic()
    here = "cuda" if visible() else "cpu"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", default=",".join(PARTS), help="with commas between them")
    parser.add_argument("--minutes", type=float, default=5.0, help="after which it ends")
    parser.add_argument("--device", choices=["cuda", "cpu"], default=here)
    parser.add_argument("--size", choices=SIZES, help="of the models; a CPU's default is tiny")
    parser.add_argument("--out", type=Path, help="folder of the tables")
    parser.add_argument("--page-only", action="store_true", help="measure nothing")
    args = parser.parse_args(argv)
    size = args.size or ("base" if args.device == "cuda" else "tiny")
    real = (args.device, size) == ("cuda", "base")
    out = args.out or (REFERENCE if real or args.page_only else TRIAL)
    parts = args.parts.split(",")
    if unknown := [part for part in parts if part not in PARTS]:
        parser.error(f"--parts: unknown part {unknown[0]!r}; known: {', '.join(PARTS)}")
    if args.page_only:
        write_page(out)
        return
    if args.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # a training would take a card that it sees
    setting = Setting(SIZES[size], args.device)
    words = sys.argv[1:] if argv is None else argv
    command = shlex.join(["python", "-m", "speed.card", *words])
    made = {"size": size, "on": args.device, "command": command}
    whole = measured(parts, setting, out, end=began + 60 * args.minutes - SPARE, made=made)
    write_page(out)
    print(f"Tables:  {out}", flush=True)
    sys.exit(0 if whole else 1)


def measured(
    parts: list[str], setting: Setting, out: Path, *, end: float, made: dict[str, str]
) -> bool:
    """Measure parts and write their tables; return whether all have measured something.

    Args:
        end: of `time.monotonic`.
        made: of the record of how the tables were made.
    """
    from smartbert.files import write_rows, write_text
    from smartbert.provenance import commit, versions

    take_one()  # steps are captured on one card
    records = known(out)
    own = {**made, "commit": commit(), "python": platform.python_version(), "versions": versions()}
    fine = True
    with TemporaryDirectory(prefix="card-") as place, ExitStack() as stack:
        os.environ["TMPDIR"] = place  # of processes that may be killed
        found = {part: Part(part, setting) for part in parts}  # they load torch side by side
        for part in parts:
            stack.callback(found[part].stop)
        for number, part in enumerate(parts):
            began = time.monotonic()
            share = SHARES[part] / sum(SHARES[name] for name in parts[number:])
            rows, device = found[part].rows(began + share * (end - began), end=end)
            write_rows(rows, out / f"{part}.csv", columns=COLUMNS[part])
            seconds = round(time.monotonic() - began, 1)
            records[part] = {**own, "device": device, "cores": os.cpu_count(), "seconds": seconds}
            write_text(out / PROVENANCE, json.dumps(records, indent=2) + "\n")
            fine &= any("failed" not in row for row in rows)
    return fine


class Part:
    """A part in a process of its own, which loads what it needs and waits.

    A fault of the card leaves a process that it happened in useless; another part's is not.
    """

    def __init__(self, name: str, setting: Setting):
        context = get_context("spawn")
        self.name, self.told = name, False
        self.pipe, there = context.Pipe()
        self.process: BaseProcess = context.Process(target=work, args=(there, name, setting))
        self.process.start()
        there.close()

    def rows(self, until: float, *, end: float) -> tuple[list[dict[str, object]], str]:
        """Let it measure until the clock says so; return its rows and its device.

        Args:
            end: of `time.monotonic`, of all parts; told as the time that is left.
        """
        rows: list[dict[str, object]] = []
        device, kind, said = "", "", None
        while kind != "end":
            kind, said = self.next(until)
            if kind == "device":
                device = said
            elif kind == "row":
                rows.append(said)
                said = said.get("failed")
            if said and kind in ("row", "say"):
                print(f"[{end - time.monotonic():4.0f} s left] {said}", flush=True)
        self.stop()
        if said:  # it was ended
            rows.append({"failed": said})
            print(f"[{end - time.monotonic():4.0f} s left] {self.name}: {said}", flush=True)
        return rows, device

    def next(self, until: float) -> tuple[str, Any]:
        """Return what it tells next; ("end", None) at its end, or ("end", why) if it comes to none
        before the clock says so.
        """
        try:
            if not self.told:
                self.pipe.send(until)
                self.told = True
            if self.pipe.poll(max(0.0, until - time.monotonic())):
                return self.pipe.recv()
        except (EOFError, OSError):
            self.process.join(5)
            return "end", f"its process ended with status {self.process.exitcode}"
        return "end", "out of time; what was measured before stands"

    def stop(self) -> None:
        """End its process, and those that it began."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:  # it ended, or had no time to lead a group
            self.process.kill()
        self.process.join()


def work(pipe: Connection, name: str, setting: Setting) -> None:
    """Run a part when it is told to, and tell what it finds."""
    os.setsid()
    try:
        silent()
        module = importlib.import_module(f"speed.{MODULES[name]}")
        until = pipe.recv()
        pipe.send(("device", device_name(setting)))
        getattr(module, name)(setting, Report(pipe.send), until)
    except Exception as error:
        from smartbert.errors import first_line

        traceback.print_exc()
        pipe.send(("row", {"failed": f"{type(error).__name__}: {first_line(error)}"}))
    pipe.send(("end", None))


def device_name(setting: Setting) -> str:
    """Return what a device calls itself."""
    import torch

    from smartbert.serve.latency import machine

    return machine(torch.device(setting.device)).device


def known(out: Path) -> dict[str, dict]:
    """Return the records of what was measured before, by part."""
    path = out / PROVENANCE
    return json.loads(path.read_text()) if path.exists() else {}


def write_page(out: Path) -> None:
    """Write the page of a folder of tables."""
    from speed.card_page import page

    from smartbert.files import write_text

    path = ROOT / "docs" / PAGE if out.absolute() == REFERENCE else out / PAGE
    write_text(path, page(out))
    print(f"Page:    {path}", flush=True)


if __name__ == "__main__":
    main()
