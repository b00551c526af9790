from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xscan.engine import CLASSES
from xscan.engine.dataset.csvs import read_split
from xscan.engine.errors import DataSetError, UsageError
from xscan.training.data.copies import Copies, groups_of
from xscan.training.data.split import grouped_split, parse_parts, part_table, study_split, write_split

STUDY = np.repeat([0, 1, 2], (1583, 2788, 1503))


def test_like_study_gives_the_studys_counts() -> None:
    parts = study_split(STUDY, seed=0)
    assert part_table(STUDY, parts) == {
        "train": {"normal": 1266, "bacteria": 2230, "virus": 1203},
        "test": {"normal": 317, "bacteria": 558, "virus": 300},
    }
    assert parts == study_split(STUDY, seed=0)
    assert parts != study_split(STUDY, seed=1)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(10, 60), min_size=3, max_size=3))
def test_like_study_is_stratified(counts: list[int]) -> None:
    labels = np.repeat([0, 1, 2], counts)
    test = [label for label, part in zip(labels, study_split(labels, 0), strict=True) if part == "test"]
    assert len(test) == -(-len(labels) // 5)  # ceil of a fifth
    for label, count in enumerate(counts):
        assert abs(test.count(label) - count * len(test) / len(labels)) < 1


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.integers(1, 6))
def test_a_grouped_split_tears_no_group_and_keeps_shares(seed: int, largest: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, largest + 1, 150)
    groups = np.repeat(np.arange(150), sizes)
    labels = np.repeat(rng.permutation(np.arange(150) % 3), sizes)
    order = rng.permutation(len(labels))
    groups, labels = groups[order], labels[order]
    shares = {"train": 0.7, "validate": 0.1, "test": 0.2}
    parts = grouped_split(labels, groups, shares, seed)
    assert len(set(zip(groups.tolist(), parts, strict=True))) == 150
    for part, share in shares.items():
        held = Counter(labels[np.array(parts) == part].tolist())
        for label in range(len(CLASSES)):
            assert abs(held[label] - share * (labels == label).sum()) <= largest
    assert parts == grouped_split(labels, groups, shares, seed)


def test_groups_follow_chains_of_patients_and_copies() -> None:
    patients = ["a", "b", "b", "c", "d", "e"]
    found = groups_of(patients, Copies(exact=[[0, 1]], near=[(2, 3, 5)]))
    assert found.tolist() == [0, 0, 0, 0, 4, 5]


def test_a_part_without_a_class_is_refused() -> None:
    with pytest.raises(DataSetError, match="'test' would hold no virus"):
        grouped_split(np.array([0, 0, 1, 1, 2]), np.arange(5), {"train": 0.5, "test": 0.5}, 0)
    with pytest.raises(DataSetError, match="'test' would hold no"):
        study_split(np.array([0, 0, 1, 1, 2, 2]), 0)


@pytest.mark.parametrize("text", ["", "train=1", "train=0.8,test=0.3", "train=x,test=1", "train=1.2,test=-0.2", "a,b"])
def test_parts_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="write them like train="):
        parse_parts(text)
    assert parse_parts("train=0.7, validate=0.1,test=0.2") == {"train": 0.7, "validate": 0.1, "test": 0.2}


def test_a_split_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_split(tmp_path / "split.csv", ["normal/a, b.png", "virus/ä.png"], ["train", "test"])
    assert read_split(tmp_path / "split.csv") == {"normal/a, b.png": "train", "virus/ä.png": "test"}
    with pytest.raises(UsageError, match="cannot write"):
        write_split(tmp_path / "missing" / "split.csv", [], [])
