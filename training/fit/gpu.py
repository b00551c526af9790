"""Train a network on a GPU through PyTorch: films and their changes stay on the card.

A step of a small network is some hundred kernels of a few microseconds. Launched one by one from Python they leave
the card idle, so the step is recorded once as a CUDA graph and replayed. On a CPU the same steps run one by one:
right, but slower than Keras's own.

Needs Keras on PyTorch (KERAS_BACKEND=torch). What comes out is a Keras network like any other.
"""

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import keras
import numpy as np
import torch
from keras import layers
from torch import Tensor
from torch.nn import functional

from xscan.engine.errors import UsageError

from ..architectures.fused import fused_layers
from .augment_gpu import augment_all
from .exchange_gpu import Pool
from .settings import Settings


@dataclass(frozen=True)
class Lesson:
    """A network to train in place, from the weights it has, and what it learns."""

    network: keras.Model
    pictures: np.ndarray  #: uint8 [films, height, width], of the network's size
    targets: np.ndarray  #: float32 [films, 3], probabilities
    settings: Settings
    teachers: Sequence[keras.Model] = ()  #: trained networks of the same input
    taught: float = 0.6  #: share of each target that is the teachers' mean probability, of the film as it is changed


def teach(lessons: Sequence[Lesson]) -> list[list[float]]:
    """Train the networks side by side: a small one alone leaves much of a card idle.

    Returns the mean loss of each epoch, for each lesson. Raises UsageError for lessons that hide a part of films or
    keep weights of their start.
    """
    if any(lesson.settings.hidden or lesson.settings.kept for lesson in lessons):
        raise UsageError("films that are hidden in part, and weights that are kept, are train()'s: call that")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    learners = [_Learner(lesson) for lesson in lessons]
    while sum(learner.step() for learner in learners):  # not any(): each has its turn
        pass
    return [learner.finish() for learner in learners]


def learning_rate(settings: Settings, step: int, steps: int) -> float:
    """One cycle: a straight warm-up from a twenty-fifth of the peak, then half a cosine down to zero."""
    warmup = max(1, int(settings.warmup * steps))
    if step < warmup:
        return settings.learning_rate * (1 + 24 * step / warmup) / 25
    return settings.learning_rate * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup))) / 2


class _Learner:
    """A training under way: the network, its optimiser, its averaged weights and its recorded step."""

    def __init__(self, lesson: Lesson) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.settings = settings = lesson.settings
        self.pictures, self.targets = (torch.from_numpy(a).to(self.device) for a in (lesson.pictures, lesson.targets))
        self.stream = torch.cuda.Stream() if torch.cuda.is_available() else None
        self.batches = len(self.pictures) // settings.batch_size
        self.steps, self.done = settings.epochs * self.batches, 0
        self.losses: list[Tensor] = []
        with self._streaming():
            self.random = torch.Generator(self.device).manual_seed(settings.seed)
            kinds = settings.augmentation
            exchanges = kinds.levels or kinds.spectrum or kinds.corner
            self.pool = Pool(lesson.pictures, self.device) if exchanges else None
            self.front, self.body = _parted(lesson.network)
            self.model = fused_layers(self.body, half=self.pictures.is_cuda)
            self.taught = lesson.taught
            self.teachers = [fused_layers(_parted(t)[1], half=self.pictures.is_cuda) for t in lesson.teachers]
            self._prepare(settings)

    def _prepare(self, settings: Settings) -> None:
        self.weights = [v.value for v in self.model.trainable_variables]
        decayed = [v.name == "kernel" for v in self.model.trainable_variables]
        groups = [
            {
                "params": [w for w, d in zip(self.weights, decayed, strict=True) if d == decay],
                "weight_decay": settings.weight_decay * decay,
            }
            for decay in (True, False)
        ]
        self.rate = torch.zeros((), device=self.device)
        recorded = self.stream is not None
        self.optimizer = torch.optim.AdamW(groups, lr=self.rate, eps=1e-7, capturable=recorded, fused=recorded)
        self.averaged = [w.detach().clone() for w in self.weights]
        size = settings.batch_size
        with torch.no_grad():
            self.seen = self.front(self.pictures[:size, ..., None]).clone()
        self.wanted = torch.zeros((size, self.targets.shape[1]), device=self.device)
        self.total = torch.zeros((), device=self.device)
        self.graph = torch.cuda.CUDAGraph() if recorded else None
        if self.graph is not None:
            self._record(self.graph)

    def _record(self, graph: torch.cuda.CUDAGraph) -> None:
        """A few steps to let the libraries choose their kernels, at a rate of zero; record one; put all back."""
        before = [v.value.detach().clone() for v in self.model.variables]
        for _ in range(3):
            self._learn()
        torch.cuda.synchronize()
        with torch.cuda.graph(graph, stream=self.stream):
            self._learn()
        with torch.no_grad():
            for variable, value in zip(self.model.variables, before, strict=True):
                variable.value.copy_(value)
            for average, weight in zip(self.averaged, self.weights, strict=True):
                average.copy_(weight)
            for state in self.optimizer.state.values():
                for value in state.values():
                    value.zero_()
            self.total.zero_()

    def _learn(self) -> None:
        """One step on what `seen` and `wanted` hold. Nothing here may wait for the card."""
        self.optimizer.zero_grad(set_to_none=True)
        logits = self.model(self.seen, training=True)
        loss = -(self.wanted * functional.log_softmax(logits, -1)).sum(-1).mean()
        loss.backward()
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.averaged, self.weights, 1 - self.settings.ema)
            self.total.add_(loss.detach())

    def step(self) -> bool:
        """One batch; False when there is none left."""
        if self.done == self.steps:
            return False
        settings, place = self.settings, self.done % self.batches
        with self._streaming(), torch.no_grad():
            if place == 0:
                self._shuffle(settings)
            batch = slice(place * settings.batch_size, (place + 1) * settings.batch_size)
            self.seen.copy_(self.epoch[0][batch])
            self.wanted.copy_(self.epoch[1][batch])
            self.rate.fill_(learning_rate(settings, self.done, self.steps))
            self._replay()
            self.done += 1
            if place == self.batches - 1:
                self.losses.append(self.total / self.batches)
                self.total.zero_()
        return True

    def _shuffle(self, settings: Settings) -> None:
        """What an epoch learns: pictures as the first convolution sees them, and targets."""
        size = settings.batch_size
        order = torch.randperm(len(self.pictures), generator=self.random, device=self.device)[: self.batches * size]
        wanted = self.targets[order]
        changed = self._changed(order)
        if settings.mixup:
            shares = np.random.default_rng((settings.seed, self.done)).beta(
                settings.mixup, settings.mixup, self.batches
            )
            shares = torch.from_numpy(np.maximum(shares, 1 - shares).astype(np.float32)).to(self.device)
            mixed = changed.new_empty(changed.shape)
            for share, here in zip(shares, torch.arange(len(order), device=self.device).split(size), strict=True):
                blended = torch.lerp(changed[here.flip(0)].float(), changed[here].float(), share)
                mixed[here] = blended.round().to(torch.uint8)
                wanted[here] = torch.lerp(wanted[here.flip(0)], wanted[here], share)
            changed = mixed
        scaled = torch.cat([self.front(part[..., None]) for part in changed.split(512)])
        if self.teachers:
            wanted = torch.lerp(wanted, self._answers(scaled), self.taught)
        self.epoch = scaled, wanted

    def _changed(self, films: Tensor) -> Tensor:
        """uint8 [films, height, width]: these films, by their places, as they are learned."""
        trims = self.settings.trim
        trim = torch.tensor(trims, device=self.device)[self.targets[films].argmax(1)] if trims else None
        return augment_all(self.pictures[films], self.settings.augmentation, self.random, trim, pool=self.pool)

    def _answers(self, scaled: Tensor) -> Tensor:
        """The teachers' mean probabilities [films, 3] of the films as they are changed now."""
        parts = scaled.split(2048)
        return torch.stack(
            [torch.cat([torch.softmax(t(part, training=False).float(), -1) for part in parts]) for t in self.teachers]
        ).mean(0)

    def finish(self) -> list[float]:
        """Give the network the averaged weights, and measure batch normalisation anew (`measure_changed`)."""
        with self._streaming(), torch.no_grad():
            for weight, average in zip(self.weights, self.averaged, strict=True):
                weight.copy_(average)
            self.rate.zero_()  # a step at this rate changes nothing but what batch normalisation has measured
            for _ in range(100):
                shape = (self.settings.batch_size,)
                films = torch.randint(len(self.pictures), shape, generator=self.random, device=self.device)
                shown = self._changed(films) if self.settings.measure_changed else self.pictures[films]
                self.seen.copy_(self.front(shown[..., None]))
                self._replay()
        if self.stream is not None:
            self.stream.synchronize()
        self.body.set_weights(self.model.get_weights())
        return [float(loss) for loss in self.losses]

    def _replay(self) -> None:
        if self.graph is not None:
            self.graph.replay()
        else:
            with torch.enable_grad():
                self._learn()

    def _streaming(self) -> AbstractContextManager:
        return torch.cuda.stream(self.stream) if self.stream is not None else nullcontext()


def _parted(network: keras.Model) -> tuple[keras.Model, keras.Model]:
    """The network up to its first convolution, which scales, and the rest, which gives logits.

    Scaling multiplies by numbers that Keras sends to the card anew each time: a CUDA graph cannot record that.
    """
    first = next(layer for layer in network.layers if isinstance(layer, layers.Conv2D))
    outputs = network.output["logits"] if isinstance(network.output, dict) else network.output
    return keras.Model(network.input, first.input), keras.Model(first.input, outputs)
