"""What a user would write instead of `xscan batch`: a folder of films in, a CSV of probabilities out.

    python benchmarks/contenders.py NAME FOLDER CSV

Each prints one JSON line: films, and the seconds that they took after everything was imported and loaded. The network
is the study's Model_4 in every one (but torchxrayvision's), with random weights: they cost the same time. The loops are
as documentation and examples show them, with the batch and worker counts that they commonly have. With -onednn at the
end of NAME TensorFlow uses oneDNN, which it leaves off by itself on some processors.
"""

# Loops as others write them: Keras and OpenCV annotate less than they take and give.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportIndexIssue=false

import csv
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

ONEDNN = "-onednn"  #: at the end of a contender's name: TensorFlow uses oneDNN, whatever it would choose here itself
if sys.argv[1:2] and sys.argv[1].endswith(ONEDNN):
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
SIDE = 256
BATCH = 32
FILTERS = (16, 32, 64, 128, 256)
UNITS = (128, 64, 32, 16)

Rows = Iterable[tuple[str, Iterable[float]]]


def keras_network():
    """Model_4 of the seed study in Keras."""
    import keras
    from keras import layers

    stack: list = [layers.Input((SIDE, SIDE, 1)), layers.Rescaling(1 / 255)]
    for filters in FILTERS:
        stack += [layers.Conv2D(filters, 3, activation="relu"), layers.MaxPooling2D(2)]
    stack += [layers.Flatten(), *(layers.Dense(units, activation="relu") for units in UNITS)]
    return keras.Sequential([*stack, layers.Dense(3, activation="softmax")])


def torch_network():
    """The same in PyTorch."""
    from torch import nn

    stack: list[nn.Module] = []
    channels = 1
    for filters in FILTERS:
        stack += [nn.Conv2d(channels, filters, 3), nn.ReLU(), nn.MaxPool2d(2)]
        channels = filters
    stack.append(nn.Flatten())
    width = 256 * 6 * 6
    for units in UNITS:
        stack += [nn.Linear(width, units), nn.ReLU()]
        width = units
    return nn.Sequential(*stack, nn.Linear(width, 3), nn.Softmax(1)).eval()


def keras_per_file(folder: Path) -> Callable[[], Rows]:
    """load_img and model.predict, file by file."""
    import keras

    model = keras_network()
    model.predict(keras.ops.zeros((1, SIDE, SIDE, 1)), verbose=0)

    def rows() -> Rows:
        for path in files(folder):
            picture = keras.utils.load_img(path, color_mode="grayscale", target_size=(SIDE, SIDE))
            yield path.name, model.predict(keras.utils.img_to_array(picture)[None], verbose=0)[0]

    return rows


def keras_dataset(folder: Path) -> Callable[[], Rows]:
    """image_dataset_from_directory and model.predict."""
    import keras

    model = keras_network()
    model.predict(keras.ops.zeros((BATCH, SIDE, SIDE, 1)), verbose=0)

    def rows() -> Rows:
        films = keras.utils.image_dataset_from_directory(
            folder, labels=None, color_mode="grayscale", batch_size=BATCH, image_size=(SIDE, SIDE), shuffle=False,
            verbose=False,
        )  # fmt: skip
        return zip(films.file_paths, model.predict(films, verbose=0), strict=True)

    return rows


def onnxruntime_loop(folder: Path) -> Callable[[], Rows]:
    """cv2.imread, cv2.resize by area and ONNX Runtime with its default threads, film by film."""
    import cv2
    import numpy as np
    import onnxruntime

    from xscan.engine.runtime.open import find_engine

    session = onnxruntime.InferenceSession(find_engine("seed"))
    name = session.get_inputs()[0].name

    def rows() -> Rows:
        for path in files(folder):
            picture = cv2.resize(
                cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), (SIDE, SIDE), interpolation=cv2.INTER_AREA
            )
            logits = session.run(["logits"], {name: picture[None, ..., None]})[0][0]
            powers = np.exp(logits - logits.max())
            yield path.name, powers / powers.sum()

    return rows


def torch_dataloader(folder: Path) -> Callable[[], Rows]:
    """A DataLoader with a worker a core, and the network in PyTorch."""
    import torch

    model, paths = torch_network(), list(files(folder))
    loader = torch.utils.data.DataLoader(Pictures(paths), batch_size=BATCH, num_workers=os.cpu_count() or 1)

    def rows() -> Rows:
        with torch.inference_mode():
            for numbers, pictures in loader:
                yield from zip((paths[i].name for i in numbers), model(pictures).tolist(), strict=True)

    return rows


class Pictures:
    """The DataLoader's dataset."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, number: int):
        import cv2
        import torch

        grey = cv2.imread(str(self.paths[number]), cv2.IMREAD_GRAYSCALE)
        picture = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        return number, torch.from_numpy(picture)[None].float() / 255


def torchxrayvision(folder: Path) -> Callable[[], Rows]:
    """The steps of its scripts/process_image.py for every file: skimage, centre crop, resizer, DenseNet-121 at 224."""
    import skimage.io
    import torch
    import torchxrayvision as xrv

    model = xrv.models.DenseNet(weights=None).eval()
    crop, resize = xrv.datasets.XRayCenterCrop(), xrv.datasets.XRayResizer(224)

    def rows() -> Rows:
        with torch.inference_mode():
            for path in files(folder):
                picture = xrv.datasets.normalize(skimage.io.imread(path), 255)
                picture = picture.mean(2) if picture.ndim > 2 else picture
                yield path.name, model(torch.from_numpy(resize(crop(picture[None])))[None]).sigmoid()[0].tolist()

    return rows


CONTENDERS = {
    function.__name__.replace("_", "-"): function
    for function in (
        keras_per_file, keras_dataset, onnxruntime_loop, torch_dataloader, torchxrayvision,
    )
}  # fmt: skip


def files(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def main() -> None:
    name, folder, target = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    rows = CONTENDERS[name.removesuffix(ONEDNN)](folder)
    began = time.perf_counter()
    with target.open("w", newline="") as stream:
        writer = csv.writer(stream)
        count = 0
        for file, p in rows():
            writer.writerow([Path(file).name, *(f"{x:.4f}" for x in p)])
            count += 1
    print(json.dumps({"films": count, "seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    main()
