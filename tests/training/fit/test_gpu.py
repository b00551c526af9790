"""Training as a GPU does it, on the CPU: what it learns, and that its changes are those of `augment`."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from xscan.training.fit.augment import Augmentation  # noqa: E402
from xscan.training.fit.augment_gpu import augment_all  # noqa: E402
from xscan.training.fit.exchange_gpu import Pool  # noqa: E402

STILL = Augmentation(
    rotation=0, scale=0, aspect=0, shift=0, flip=0, gamma=0, contrast=0, brightness=0, blur=0, jpeg=0, noise=0
)


def changed(pictures: np.ndarray, trim: tuple[float, float] = (0, 0), **kinds: Any) -> np.ndarray:
    random = torch.Generator().manual_seed(0)
    trims = torch.tensor([trim] * len(pictures))
    result = augment_all(
        torch.from_numpy(pictures),
        Augmentation(**(vars(STILL) | kinds)),
        random,
        trims,
        chunk=8,
        pool=Pool(pictures, torch.device("cpu")),
    )
    assert result.shape == pictures.shape
    assert result.dtype == torch.uint8
    return result.numpy()


@pytest.fixture(scope="module")
def films() -> np.ndarray:
    from xscan.engine.phantom.draw import draw

    return np.stack([(draw("normal", seed, 96, 80) >> 4).astype(np.uint8) for seed in range(6)])


def test_without_changes_films_stay_as_they_are(films: np.ndarray) -> None:
    assert (changed(films) == films).all()


def test_a_flip_is_a_mirror(films: np.ndarray) -> None:
    assert np.abs(changed(films, flip=1).astype(int) - films[:, :, ::-1]).max() <= 1


def test_trim_cuts_off_height_or_width_and_fills_the_picture_with_the_rest() -> None:
    ramp = np.repeat(np.arange(20, 180, dtype=np.uint8)[:, None], 160, axis=1)[None].repeat(20, 0)
    cut = changed(ramp, (0.2, 0)).astype(int)
    assert np.ptp(cut, axis=2).max() <= 1  # nothing of the width is gone, and no black edge has come
    left = cut[:, -1, 0] - cut[:, 0, 0]
    assert 0.79 * 159 <= left.min() < 0.9 * 159 < left.max() <= 159
    assert np.abs(changed(ramp, (0, 0.2)).astype(int) - ramp).max() <= 1


def test_jpeg_is_what_libjpeg_leaves(films: np.ndarray) -> None:
    from xscan.training.fit.augment_gpu import _through_jpeg

    for quality in (40, 90):
        ours = _through_jpeg(torch.from_numpy(films).float(), torch.full((len(films),), float(quality))).numpy()
        files = [cv2.imencode(".jpg", film, [cv2.IMWRITE_JPEG_QUALITY, quality])[1] for film in films]
        theirs = np.stack([cv2.imdecode(file, cv2.IMREAD_GRAYSCALE) for file in files])
        assert np.abs(ours - theirs).mean() < 0.5
        assert np.abs(ours - theirs).max() <= 20  # one step of the table, where a coefficient stood between two


def test_every_kind_changes_films_and_repeats(films: np.ndarray) -> None:
    every = Augmentation(
        border=1, mask=1, shade=0.2, sharpen=1, blur=1, jpeg=1, levels=1, spectrum=1, corner=1, crop=(0.7, 0.9)
    )
    for kind, value in vars(every).items():
        one = changed(films, **{kind: value})
        assert (one == changed(films, **{kind: value})).all()
        assert (one != films).any(), kind


def test_spatial_dropout_drops_whole_channels() -> None:
    from xscan.training.architectures.fused import FusedSpatialDropout2D

    dropped = FusedSpatialDropout2D(0.25).call(torch.ones(8, 3, 3, 64), training=True).numpy()
    assert (dropped == dropped[:, :1, :1]).all()
    assert np.allclose(np.unique(dropped), [0, 4 / 3])
    assert 0.1 < (dropped == 0).mean() < 0.4


LEARN = """
from dataclasses import replace

import numpy as np
from xscan.training.architectures.registry import architecture
from xscan.training.fit.augment import Augmentation
from xscan.training.fit.gpu import Lesson, teach
from xscan.training.fit.settings import Settings

random = np.random.default_rng(0)
labels = random.integers(0, 3, 48)
films = random.integers(0, 60, (48, 32, 32), np.uint8)
for film, label in zip(films, labels):
    film[:, label * 10 : label * 10 + 10] += 120
network = architecture("compact").build(32, 32, {"filters": [16, 16]})
settings = Settings(epochs=5, batch_size=8, ema=0.9, mixup=0.1, learning_rate=3e-3, augmentation=Augmentation(flip=0))
[losses] = teach([Lesson(network, films, np.eye(3, dtype=np.float32)[labels], settings)])

def right(network):
    return (network(films[..., None])["logits"].argmax(-1).cpu().numpy() == labels).mean() > 0.9

print(len(losses), losses[0] > losses[-1], right(network))
equal = np.full((48, 3), 1 / 3, np.float32)  # says nothing: what a pupil knows it has from its teacher
pupils = [architecture("compact").build(32, 32, {"filters": [16, 16]}) for _ in range(2)]
settings = replace(settings, mixup=0.0)
teach([Lesson(pupil, films, equal, settings, teachers, 1.0) for pupil, teachers in zip(pupils, ([network], []))])
print(right(pupils[0]), right(pupils[1]))
"""


def test_a_network_learns_from_targets_and_from_a_teacher(tmp_path: Path) -> None:
    env = os.environ | {"KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", LEARN], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.stdout.split() == ["5", "True", "True", "True", "False"], done.stderr[-2000:]
