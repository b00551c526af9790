"""ROC curves of the gate, one a kind of film: a picture of curves, with no film in it."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from xscan.engine.disk.overwrite import made_here
from xscan.engine.disk.replace import replace_bytes

_require_svg = made_here("figure", b"<?xml", b"xscan, Matplotlib")
_require_png = made_here("figure", b"\x89PNG", b"xscan, Matplotlib")


def draw(path: Path, title: str, good: np.ndarray, bad: Mapping[str, np.ndarray]) -> None:
    """Write the figure (SVG, PNG or PDF, by its suffix). Raises OSError.

    good: float [films], how far each good film lies over its nearest threshold; bad: the same for each kind.
    The point where a curve meets threshold 0 is what the gate does.
    """
    import matplotlib as mpl

    mpl.use("agg")
    mpl.rcParams["svg.hashsalt"] = "xscan"  # the same curves, the same bytes
    from matplotlib import pyplot

    hardest = sorted(bad, key=lambda name: float((bad[name] > 0).mean()))
    figure, axes = pyplot.subplots(figsize=(7.2, 4.6), layout="constrained")
    least = 0.5 / len(good)
    for number, name in enumerate(hardest):
        allowed, found = curve(good, bad[name])
        style = ("-", "--", ":")[number // 10 % 3]
        (line,) = axes.plot(np.maximum(allowed, least), found, style, drawstyle="steps-post", label=name, lw=1.4)
        axes.plot([max((good > 0).mean(), least)], [(bad[name] > 0).mean()], "o", color=line.get_color(), ms=4)
    axes.axvline(max(float((good > 0).mean()), least), color="grey", lw=0.8)
    axes.set(xscale="log", xlim=(least, 1), ylim=(0.7, 1.005))
    axes.set(xlabel="share of held-out good films flagged", ylabel="share of the kind flagged", title=title)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, ncols=2, loc="lower right", title="hardest first; dots: the thresholds that are set")
    with io.BytesIO() as content:
        kind = path.suffix[1:] or "png"
        made_by = {"Date": None, "Creator": "xscan, Matplotlib"} if kind == "svg" else {"Software": "xscan, Matplotlib"}
        figure.savefig(content, format=kind, metadata=made_by)
        replace_bytes(path, content.getvalue(), _require_svg if kind == "svg" else _require_png)
    pyplot.close(figure)


def curve(good: np.ndarray, bad: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares of good and of bad films above every threshold, from the highest on: float [points] each."""
    thresholds = np.unique(np.concatenate([good, bad]))[::-1]
    above = [1 - np.searchsorted(np.sort(x), thresholds, side="left") / len(x) for x in (good, bad)]
    return np.concatenate([[0.0], above[0]]), np.concatenate([[0.0], above[1]])
