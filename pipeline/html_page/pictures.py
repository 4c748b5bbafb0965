"""How the pictures of all pages look, and their form."""

import io
from typing import Any

from matplotlib.figure import Figure

BLUE, ORANGE, GREY = "#1f5fa8", "#d9730d", "#8a8f98"
STYLE: dict[Any, Any] = {  # matplotlib 3.11 types its keys one by one
    # Text stays text, in the font of the page.
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "xtick.color": "#444",
    "ytick.color": "#444",
}
"""For `matplotlib.rc_context`."""


def svg(figure: Figure) -> str:
    """A picture as an SVG element for HTML."""
    buffer = io.StringIO()
    no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(buffer, format="svg", metadata=no_metadata, transparent=True)
    text = buffer.getvalue()
    return text[text.index("<svg") :]
