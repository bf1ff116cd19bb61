"""The style of all figures: sizes, palette, each method's colour, marker and line.

Figures have the size at which they are read, a page's text width at most, so no text shrinks. A
method's look is the run's: its manifest has it from the registry.
"""

from collections.abc import Mapping
from typing import TypedDict

import matplotlib
import numpy as np
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.typing import ColorType

from smartbert.manifest import Look

PAGE = 7.2  # inches
NARROW = {1: 4.4, 2: 6.2}  # inches: widths of figures with fewer panels beside each other
ROW, TALL_ROW = 1.75, 2.3  # inches: height of a row of panels, and of one in a narrow figure
COLUMNS = 4
SMALL = 7  # points: all text but titles
LETTER = 0.53 * SMALL / 72  # inches: mean width of one
# Both grow darker without a turn, so that a grey copy keeps the order. The trials' leaves out the
# palest end, which would be lost on white.
SHARES = matplotlib.colormaps["Blues"]
ORDER = ListedColormap(matplotlib.colormaps["viridis_r"](np.linspace(0.1, 1, 256)))


class Style(TypedDict):
    """A look as matplotlib's words for lines."""

    color: str
    marker: str
    linestyle: str


def style(method: str, looks: Mapping[str, Look]) -> Style:
    """Return how a method is drawn; `looks` has it (`manifest.complete_looks`)."""
    look = looks[method]
    return {"color": look.color, "marker": look.marker, "linestyle": look.line}


def luminance(color: ColorType) -> float:
    """Return how bright a colour is in a grey copy, from 0 (black) to 1 (white)."""
    return float(np.dot(to_rgb(color), (0.2126, 0.7152, 0.0722)))
