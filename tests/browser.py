"""A real browser for tests: Debian's chromium without a window, spoken to through two pipes."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 60.0  # seconds for an answer; the machine may be busy
STARTS = 3  # of the program, which now and then ends at once on a busy machine


class NoBrowser(Exception):
    """The program is here and does not start; says its last words."""


def browser() -> str | None:
    """Return the browser's program, None where there is none."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


def started(folder: Path) -> Browser:
    """Return a browser that has started; a program that ends at once is tried again.

    Raises:
        NoBrowser: no try succeeded.
    """
    for number in range(STARTS):
        profile = folder / str(number)
        profile.mkdir()
        try:
            return Browser(profile)
        except (AssertionError, OSError):
            words = (profile / "stderr").read_text(errors="replace").strip()
    raise NoBrowser(words or "it said nothing")


class Browser:
    """One page in a browser; what it logs, throws and asks the network for is kept.

    Attributes:
        told: errors and warnings of its console, and errors that nothing caught.
        asked: addresses that it asked for.
    """

    def __init__(self, folder: Path, *, width: int = 1280, height: int = 900):
        into, self._to = os.pipe()
        self._from, out = os.pipe()
        words = [
            *(str(browser()), "--headless=new", "--no-sandbox", "--disable-gpu"),
            *("--remote-debugging-pipe", f"--user-data-dir={folder}", "--no-first-run"),
            *("--disable-background-networking", "--disable-dev-shm-usage"),
        ]
        # The browser reads from 3 and writes to 4, whatever numbers are free here.
        shell = f'exec "$@" 3<&{into} 4>&{out}'
        with (folder / "stderr").open("wb") as words_of_its_own:
            self._process = subprocess.Popen(
                ["bash", "-c", shell, "bash", *words],
                pass_fds=(into, out),
                stdout=subprocess.DEVNULL,
                stderr=words_of_its_own,
            )
        os.close(into)
        os.close(out)
        self.told: list[str] = []
        self.asked: list[str] = []
        self._rest, self._number, self._session = b"", 0, None
        try:
            target = self.call("Target.createTarget", url="about:blank")["targetId"]
            attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        except BaseException:
            self._end()
            raise
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.size(width, height)

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(Exception):
            self._session = None
            self.call("Browser.close")
        self._end()

    def _end(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=20)
        os.close(self._to)
        os.close(self._from)

    def call(self, method: str, **words: Any) -> dict[str, Any]:
        """Call a method of the debugging protocol; return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": words}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                return answer["result"]

    def size(self, width: int, height: int) -> None:
        """Set the size of the screen, in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    def open(self, address: str, *, ready: str) -> float:
        """Open a page; return the seconds from the start of the navigation until a condition, a
        JavaScript expression, holds.
        """
        self.call("Page.navigate", url="about:blank")
        begin = time.perf_counter()
        self.call("Page.navigate", url=address)
        self.wait(ready)
        return time.perf_counter() - begin

    def wait(self, condition: str) -> None:
        """Wait until a JavaScript expression holds."""
        end = time.perf_counter() + PATIENCE
        while not self.value(f"Boolean({condition})"):
            assert time.perf_counter() < end, f"{condition}: not within {PATIENCE} s; {self.told}"
            time.sleep(0.01)

    def value(self, expression: str) -> Any:
        """Return the value of a JavaScript expression; a promise's, once it is kept."""
        found = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def press(self, key: str, code: int) -> None:
        """Press and release a key, as a reader without a mouse does."""
        for kind in ("rawKeyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code
            )

    def picture(self, path: Path) -> None:
        """Save a picture of the whole page, as png."""
        found = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(found["data"]))

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._from], [], [], PATIENCE)
            assert ready, f"the browser said nothing for {PATIENCE} s"
            more = os.read(self._from, 1 << 20)
            assert more, "the browser has ended"
            self._rest += more
        text, _, self._rest = self._rest.partition(b"\0")
        message = json.loads(text)
        self._note(message.get("method"), message.get("params", {}))
        return message

    def _note(self, event: str | None, words: dict[str, Any]) -> None:
        if event == "Runtime.exceptionThrown":
            self.told.append(json.dumps(words["exceptionDetails"]))
        elif event == "Log.entryAdded" and words["entry"]["level"] in ("error", "warning"):
            self.told.append(json.dumps(words["entry"]))
        elif event == "Runtime.consoleAPICalled" and words["type"] in ("error", "warning"):
            self.told.append(json.dumps(words["args"]))
        elif event == "Network.requestWillBeSent":
            self.asked.append(words["request"]["url"])
