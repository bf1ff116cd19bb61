"""Train what is missing of a run on a machine with a card, for a quarter of an hour.

    python -m workflow.scripts.bundle pack PARTS --configfile config/base.yaml      here
    python -m workflow.scripts.bundle run --configfile config/base.yaml ...         there
    python -m workflow.scripts.bundle collect BACK --configfile config/base.yaml    there
    python -m workflow.scripts.bundle take BACK --configfile config/base.yaml       here

For a machine without network and without this project's packages, whose time is short and that
takes files of at most 60 MB (docs/running.md, "A card for a quarter of an hour"). `pack` packs the
commit, packages, the tasks' data, the backbone, and what is kept of the run. `run` trains and
records the rows that are not kept, in the workflow's order, until its time is over; on a card it
measures first what that does (`make card`). `collect` packs what has finished, as `reference save`
keeps it; `take` checks that and adds it to what is kept.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from smartbert.errors import UserError
from smartbert.provenance import Provenance
from smartbert.results import Results
from smartbert.train.devices import visible
from workflow import on_card
from workflow.parts import read_parts, take_out, write_parts
from workflow.scripts import reference
from workflow.scripts.common import run
from workflow.settings.brought import add
from workflow.settings.files import ROOT, merged
from workflow.settings.kept import Key, decide, named
from workflow.settings.order import missing, missing_rates
from workflow.settings.plan import read_from
from workflow.timed import last_stretch, until
from workflow.wheels import install, lacking, pinned

CHECKOUT, SITE, COMMIT = "checkout", "site", "commit"  # in the bundle
KEPT, LOGS = "kept", "logs"  # in what comes back
OWN = (".", ":(exclude)results/reference")  # of the repository
FILES = 8  # that come back in one transfer
# Of the time, the last part in which nothing is begun: while no training has told how long one
# takes, and at most.
UNKNOWN, MOST = 0.25, 0.5
MEASURING = 5.0  # minutes of what a card does, and at most half of the time


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    actions = parser.add_subparsers(dest="action", required=True)
    for name, what, size in (
        ("pack", "pack what a bare machine lacks", 60),
        ("run", "there: train what is missing", None),
        ("collect", "there: pack what has finished", 15),
        ("take", "add what was collected to what is kept", None),
    ):
        own = actions.add_parser(name, help=what)
        if name == "run":
            own.add_argument("--minutes", type=float, required=True, help="after which it ends")
            own.add_argument("--jobs", type=int, required=True, help="trainings side by side")
            own.add_argument("--first", choices=["rates"], help="trainings before those of rows")
            own.add_argument(
                "--card-first",
                action=argparse.BooleanOptionalAction,
                default=None,
                help="measure first what the card does; default: where there is one",
            )
        else:
            own.add_argument("parts", type=Path, help="folder of the parts")
        if size:
            own.add_argument("--megabytes", type=float, default=size, help="of a part, at most")
        own.add_argument("--configfile", type=Path, nargs="+", required=True)
    args = parser.parse_args(argv)
    if args.action == "pack":
        pack(args.parts, args.configfile, megabytes=args.megabytes)
    elif args.action == "run":
        end = time.monotonic() + 60 * args.minutes
        if bool(visible()) if args.card_first is None else args.card_first:
            minutes = min(MEASURING, args.minutes / 2)
            on_card.measure(Path(merged(args.configfile)["results"]), minutes=minutes)
        train(args.configfile, end=end, jobs=args.jobs, rates=args.first == "rates")
    elif args.action == "collect":
        collect(args.parts, args.configfile, megabytes=args.megabytes)
    else:
        take(args.parts, args.configfile)


def pack(out: Path, files: list[Path], *, megabytes: float) -> None:
    """Pack what a bare machine lacks, and say what to do there.

    Raises:
        UserError: if the checkout has changes, or a folder of the config cannot travel.
    """
    config = merged(files)
    if changes := git("status", "--porcelain", "--untracked-files=no", "--", *OWN):
        raise UserError(f"{changes.split()[-1]} has changes; commit them: the last commit travels")
    git("ls-files", "--error-unmatch", "--", *map(str, files))
    links, modules = {place_of(config, "data"): config["data"]["path"]}, []
    if (backbone := config["backbone"]["path"]).startswith("package:"):
        modules.append(backbone.removeprefix("package:"))
    else:
        links[place_of(config, "backbone")] = backbone
    if (kept := kept_of(config)).is_dir():
        links[f"{CHECKOUT}/{kept}"] = str(kept)
    names = lacking(*modules)
    with TemporaryDirectory() as folder:
        stage = Path(folder)
        (stage / CHECKOUT).mkdir()
        git("archive", "--output", str(stage / "archive.tar"), "HEAD", "--", *OWN)
        words = ["--file", str(stage / "archive.tar"), "--directory", str(stage / CHECKOUT)]
        subprocess.run(["tar", "--extract", *words], check=True)
        (stage / "archive.tar").unlink()
        (stage / COMMIT).write_text(git("rev-parse", "HEAD"))
        (stage / "packages.txt").write_text(pinned((ROOT / "requirements.lock").read_text(), names))
        install(stage / "packages.txt", stage / SITE)
        for place, target in links.items():
            (stage / place).parent.mkdir(parents=True, exist_ok=True)
            (stage / place).symlink_to(Path(target).absolute())
        parts = write_parts(stage, out, megabytes=megabytes)
    tell(parts)
    call = (
        f"python3 -m workflow.scripts.bundle {{}} {shlex.join(['--configfile', *map(str, files)])}"
    )
    print(f"{len(names)} packages. There, in the folder of the parts, DIR being one in memory:")
    print(f"  mkdir -p DIR && {take_out('DIR')}")
    print(f"  cd DIR/{CHECKOUT} && export PYTHONPATH=../{SITE}")
    print(f"  {call.format('run --minutes 8 --jobs 8')}")
    print(f"  {call.format('collect BACK')}")


def train(files: list[Path], *, end: float, jobs: int, rates: bool) -> None:
    """Train and record the rows that are not kept, until the clock says `end`.

    Args:
        end: of `time.monotonic`.
        jobs: trainings side by side.
        rates: whether the trainings that `rates` compares go first.

    Raises:
        UserError: if this Python has no command, or nothing has finished.
    """
    if not Path(sys.executable).with_name("python").exists():
        raise UserError(f"no `python` beside {sys.executable}, which the rules call; link it there")
    config = continued(files)
    kept, results, whole = decide(config), Results(Path(config["results"])), end - time.monotonic()
    if kept.folder:
        print(kept.told(), flush=True)
    first = missing_rates(config, kept) if rates else []
    rows = list(dict.fromkeys([*first, *missing(config, kept)]))
    if not rows:
        print("nothing is missing")
        return
    call = snakemake(config, files, rows, jobs=jobs, first=first)
    status = until(
        call, end=end, last=lambda: min(last_stretch(results) or UNKNOWN * whole, MOST * whole)
    )
    # Trainings that ended after no job was begun any more are recorded. Nothing else is done, and
    # weights stay: a later call may need them.
    own = [row for row in rows if read_from(config, row[1]) is None]
    late = [row for row in own if results.run(*row).weights.exists()]
    late = [row for row in late if not results.run(*row).trace("test").exists()]
    if status and late and time.monotonic() < end:
        until([*snakemake(config, files, late, jobs=jobs), "--notemp"], end=end, last=lambda: 0.0)
    done = [row for row in rows if results.run(*row).trace("test").exists()]
    for row in rows:
        if row not in done and (why := results.failure(*row)):
            print(f"{named(row)} failed: {why}")
    print(f"{len(done)} of {len(rows)} missing runs are trained and recorded")
    if not done:
        raise UserError(f"nothing has finished; snakemake ended with status {status}")


def snakemake(
    config: dict, files: list[Path], rows: list[Key], *, jobs: int, first: Sequence[Key] = ()
) -> list[str]:
    """Return the call of the workflow that records some runs."""
    results = Results(Path(config["results"]))
    targets, early = (
        [str(results.run(*key).trace("test")) for key in own] for own in (rows, first)
    )
    words = [sys.executable, "-m", "snakemake", *targets, "--cores", str(jobs)]
    words += ["--scheduler", "greedy", "--keep-going", "--rerun-incomplete", "--nolock"]
    words += ["--quiet", "rules", "--configfile", *map(str, files)]
    if config["traces_from"]:
        words += ["--config", f"traces_from={config['traces_from']}"]
    return words + (["--prioritize", *early] if early else [])


def collect(out: Path, files: list[Path], *, megabytes: float) -> None:
    """Pack what has finished, as it is kept, and the logs."""
    results = Results(Path(continued(files)["results"]))
    with TemporaryDirectory() as folder:
        kept = Results(Path(folder, KEPT))
        kept.folder.mkdir()
        reference.save(results.folder, kept.folder)
        told = ROOT.parent / COMMIT  # of a bundle, which is no git checkout
        commit = told.read_text() if told.exists() else None
        on_card.packed(results.folder, Path(folder), commit=commit)
        for own in kept.every_run().values():
            if commit and own.provenance.exists():
                record = Provenance.read(own.provenance)
                replace(record, commit=record.commit or commit).write(own.provenance)
        if (logs := results.folder / LOGS).is_dir():
            shutil.copytree(logs, Path(folder, LOGS))
        recorded = [
            own for own in kept.every_run().values() if own.trace("test", packed=True).exists()
        ]
        parts = write_parts(Path(folder), out, megabytes=megabytes)
    tell(parts)
    print(f"{len(recorded)} runs with traces")
    if len(parts) > FILES:
        print(f"{len(parts)} files are more than {FILES}: bring them back in two goes")


def take(parts: Path, files: list[Path]) -> None:
    """Add what was collected to what is kept, after the checks of kept runs, and say what that
    comes to.

    Raises:
        UserError: if parts are missing or damaged, or the runs are of other data than those kept.
    """
    config = merged(files)
    kept = kept_of(config)
    with TemporaryDirectory() as folder:
        read_parts(parts, Path(folder))
        told = add(config, Results(Path(folder, KEPT)), Results(kept))
        if on_card.taken(Path(folder), kept.with_name(on_card.CARD)):
            told.append(f"what the card does: {kept.with_name(on_card.CARD)}")
    for line in told:
        print(line)
    print(decide({**config, "traces_from": str(kept)}).told())


def continued(files: list[Path]) -> dict:
    """Return a config that goes on from what is kept of its run, if anything is."""
    config = merged(files)
    return {**config, "traces_from": str(kept)} if (kept := kept_of(config)).is_dir() else config


def kept_of(config: dict) -> Path:
    """Return the folder in which a run is kept."""
    return Path(config["traces_from"] or Path("results", "reference", Path(config["results"]).name))


def place_of(config: dict, key: str) -> str:
    """Return where in the bundle a folder of the config lies, so that its path leads there.

    Raises:
        UserError: if it is no folder, or neither in the checkout nor beside it.
    """
    path = config[key]["path"]
    place = os.path.normpath(Path(CHECKOUT, path))
    if not Path(path).is_dir() or Path(path).is_absolute() or place.startswith(".."):
        raise UserError(
            f"config: {key}.path is {path!r}; a bundle takes a folder in the checkout or beside it,"
            " by its relative path, as ../shared/glue"
        )
    return place


def git(*words: str) -> str:
    """Return what git says of the checkout.

    Raises:
        UserError: with its own words, if it fails.
    """
    done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"git {words[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


def tell(parts: list[Path]) -> None:
    """Print which files there are, and how large."""
    sizes = [path.stat().st_size / 1e6 for path in parts]
    print(f"{len(parts)} files, {sum(sizes):.1f} MB, the largest {max(sizes):.1f} MB:")
    print("  " + " ".join(map(str, parts)))


if __name__ == "__main__":
    run(main)
