"""Pushing: a published model folder to a repository of the Hugging Face hub, by its own client.

Where the hub is, and who asks, are the client's settings: HF_ENDPOINT, HF_TOKEN or `hf auth login`.
No torch.
"""

import os
from pathlib import Path

from smartbert import __version__
from smartbert.errors import UserError, first_line
from smartbert.files import read_json
from smartbert.results import CONFIG, CURVE_FIGURE, PUBLISHED

LOG_IN = "log in with `hf auth login`, or set HF_TOKEN to a token that may write"


def sizes_of(folder: Path) -> dict[str, int]:
    """Return the files of a published model that are sent, with their sizes in bytes.

    Raises:
        UserError: if the folder holds no published model.
    """
    publish = "publish it with `snakemake models_<task>`; set by --model"
    if missing := [name for name in PUBLISHED if not (folder / name).is_file()]:
        raise UserError(f"{folder} is no published model: it has no {missing[0]}; {publish}")
    config = read_json(folder / CONFIG)
    if not isinstance(config, dict) or "operating_points" not in config:
        raise UserError(
            f"{folder} is no published model: its {CONFIG} has no operating points; {publish}"
        )
    names = [*PUBLISHED, *([CURVE_FIGURE] if (folder / CURVE_FIGURE).is_file() else [])]
    return {name: (folder / name).stat().st_size for name in sorted(names)}


def push(folder: Path, repository: str, *, private: bool) -> str:
    """Send a published model to a repository, made where there is none; return its address.

    Args:
        repository: user or organisation, and name: "user/name".
        private: make a new one private; one that is public is refused.

    Raises:
        UserError: if the name is none, the token is not known or may not write there, or the hub
            cannot be reached.
    """
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"  # read when the client is imported
    from huggingface_hub import HfApi, constants, get_token

    names = list(sizes_of(folder))
    check_name(repository)
    if get_token() is None:
        raise UserError(f"no token for the hub is set; {LOG_IN}")
    hub = HfApi()
    try:
        url = hub.create_repo(repository, private=private or None, exist_ok=True)
        if private and not hub.model_info(repository).private:
            raise UserError(
                f"{repository} is there and public, which --private does not change; make it"
                " private on the hub, or name another"
            )
        hub.upload_folder(
            repo_id=repository,
            folder_path=folder,
            allow_patterns=names,
            commit_message=f"Model published by smartbert-suite {__version__}",
        )
    except UserError:
        raise
    except Exception as error:  # errors of the hub, the network and files share no base class
        raise _refused(error, repository, constants.ENDPOINT) from None
    return str(url)


def check_name(repository: str) -> None:
    """Raise UserError for a name that no repository can have."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    if repository.count("/") != 1:
        raise UserError(
            f"{repository!r} is no repository of the hub, whose names are user/name; set by --to"
        )
    try:
        validate_repo_id(repository)
    except HFValidationError as error:
        raise UserError(f"{first_line(error)}; set by --to") from None


def _refused(error: Exception, repository: str, endpoint: str) -> UserError:
    """Return what went wrong between here and the hub, in a line."""
    # What a file's upload met is the cause of an error that names the file alone.
    answers = [getattr(one, "response", None) for one in (error, error.__cause__)]
    status = next((one.status_code for one in answers if one is not None), None)
    if status == 401:
        return UserError(f"the hub at {endpoint} does not know this token (401); {LOG_IN}")
    if status == 403:
        return UserError(
            f"the hub at {endpoint} does not let this token write to {repository} (403); {LOG_IN}"
        )
    if status is None:
        return UserError(
            f"cannot send to {repository} on the hub at {endpoint}: {first_line(error)}; check the"
            " network, and HF_ENDPOINT and HF_HUB_OFFLINE where they are set"
        )
    return UserError(f"the hub at {endpoint} refused {repository} ({status}): {first_line(error)}")
