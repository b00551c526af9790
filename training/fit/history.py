"""Loss and accuracy of a training run, epoch by epoch, as a picture."""

import csv
from pathlib import Path

from xscan.engine.disk.overwrite import in_own_folder
from xscan.engine.disk.replace import replacing


def plot(run: Path) -> None:
    """RUN/history.png, of RUN/history.csv."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with (run / "history.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.5))
    for axis, quantity in zip(axes, ("loss", "accuracy"), strict=True):
        for name, label in ((quantity, "training"), (f"val_{quantity}", "validation")):
            measured = [r for r in rows if r.get(name) not in (None, "", "NA")]  # NA: no validation folds
            if measured:
                epochs = [int(r["epoch"]) + 1 for r in measured]
                axis.plot(epochs, [float(r[name]) for r in measured], label=label)
        axis.set_xlabel("epoch")
        axis.set_ylabel(quantity)
        if axis.lines:
            axis.legend()
    figure.tight_layout()
    with replacing(run / "history.png", in_own_folder) as stream:
        figure.savefig(stream, format="png", dpi=120)
    pyplot.close(figure)
