"""Which films train and which test: stratified by class; grouped, or the study's way."""

import csv
import io
from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path

import numpy as np

from xscan.engine import CLASSES
from xscan.engine.disk.hostile import cell
from xscan.engine.disk.overwrite import require_absent
from xscan.engine.disk.replace import replace_bytes
from xscan.engine.errors import DataSetError, UsageError


def grouped_split(labels: np.ndarray, groups: np.ndarray, shares: Mapping[str, float], seed: int) -> list[str]:
    """The part of each film: no group is torn apart, and each part gets its share of each class, nearly.

    labels: int64 [films]. groups: int64 [films]. shares: part -> share of the films; they sum to 1.
    Large groups are placed first, those of one size in an order drawn by the seed, each into the part that it
    brings nearest to what that part should hold. Raises DataSetError when a part stays without a class.
    """
    numbers, group_of = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(numbers), len(CLASSES)), np.int64)
    np.add.at(counts, (group_of, labels), 1)
    names = list(shares)
    wanted = np.array([shares[name] for name in names])[:, None] * counts.sum(axis=0)
    held = np.zeros_like(wanted)
    place = np.empty(len(numbers), np.int64)
    drawn = np.random.default_rng(seed).permutation(len(numbers))
    for group in sorted(drawn, key=lambda g: -counts[g].sum()):
        # How much nearer each part comes to its share; every class and every part weighs the same.
        before, after = ((held + extra - wanted) / np.maximum(wanted, 1) for extra in (0, counts[group]))
        part = int(((after**2).sum(axis=1) - (before**2).sum(axis=1)).argmin())
        held[part] += counts[group]
        place[group] = part
    return _checked([names[place[g]] for g in group_of], labels, names)


def study_split(labels: np.ndarray, seed: int, share: float = 0.2) -> list[str]:
    """`train` or `test` for each film as in the study: stratified, at random, patients torn apart.

    The test part holds ceil(share n) films, shared out to the classes by largest remainder; a tie goes to the
    class with more films, then to the first.
    """
    counts = np.bincount(labels, minlength=len(CLASSES))
    total = len(labels)
    test = ceil(round(share * total, 9))
    quota = [int(count) * test // total for count in counts]
    rest = [int(count) * test % total for count in counts]
    for label in sorted(range(len(counts)), key=lambda c: (-rest[c], -counts[c], c))[: test - sum(quota)]:
        quota[label] += 1
    rng = np.random.default_rng(seed)
    parts = np.full(total, "train", object)
    for label, number in enumerate(quota):
        parts[rng.permutation(np.flatnonzero(labels == label))[:number]] = "test"
    return _checked(parts.tolist(), labels, ["train", "test"])


def parse_parts(text: str) -> dict[str, float]:
    """`train=0.7,validate=0.1,test=0.2` -> shares. Raises UsageError."""
    shares: dict[str, float] = {}
    for entry in filter(None, (e.strip() for e in text.split(","))):
        name, _, number = entry.partition("=")
        try:
            shares[name.strip()] = float(number)
        except ValueError:
            raise UsageError(f"cannot read the part '{entry}': write them like train=0.8,test=0.2") from None
    if len(shares) < 2 or not all(name and share > 0 for name, share in shares.items()):
        raise UsageError(
            f"the parts '{text}' are not two or more names with a share: write them like train=0.8,test=0.2"
        )
    if abs(sum(shares.values()) - 1) > 1e-6:
        raise UsageError(f"the shares of '{text}' do not sum to 1: write them like train=0.8,test=0.2")
    return shares


def write_split(out: Path, files: Sequence[str], parts: Sequence[str]) -> None:
    """CSV with the columns file,part. Raises UsageError when it cannot be written."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "part"])
    writer.writerows((cell(file), part) for file, part in zip(files, parts, strict=True))
    content = text.getvalue().encode()
    replace_bytes(out, content, lambda path: None if _is(path, content) else require_absent(path))


def _is(path: Path, content: bytes) -> bool:
    """Whether a file holds just that: one that a person made by hand looks like ours, and is not to be lost."""
    return path.is_file() and path.read_bytes() == content


def part_table(labels: np.ndarray, parts: Sequence[str]) -> dict[str, dict[str, int]]:
    """part -> class -> films, parts in the order of their first film."""
    of = np.array(parts)
    return {
        str(part): {name: int(((of == part) & (labels == label)).sum()) for label, name in enumerate(CLASSES)}
        for part in dict.fromkeys(parts)
    }


def _checked(parts: list[str], labels: np.ndarray, names: Sequence[str]) -> list[str]:
    held = set(zip(parts, labels.tolist(), strict=True))
    for part in names:
        for label, name in enumerate(CLASSES):
            if (part, label) not in held:
                raise DataSetError(f"too few films: the part '{part}' would hold no {name}; give it a larger share")
    return parts
