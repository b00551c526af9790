"""Train networks on a GPU through PyTorch: films and their changes stay on the card, several networks learn at once.

A step of a small network is some hundred kernels of a few microseconds. Launched one by one from Python they leave
the card idle, so each network's step is recorded once as a CUDA graph and replayed, on a stream of its own. On a CPU
the same steps run one by one: right, but slow.

Needs Keras on PyTorch (KERAS_BACKEND=torch). What comes out is a Keras network like any other.
"""

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import keras
import numpy as np
import torch
from keras import layers
from torch import Tensor
from torch.nn import functional

from .architectures import architecture, recordable
from .augment_torch import augment_all
from .settings import Settings


@dataclass
class Lesson:
    """One network to train, and on what."""

    settings: Settings
    films: np.ndarray  #: int [films], rows of the pictures
    targets: np.ndarray  #: float32 [films, 3], probabilities to learn
    network: keras.Model | None = field(default=None, init=False)  #: what came out, in float32, of Keras's own layers
    losses: list[float] = field(default_factory=list, init=False)  #: mean of each epoch


def teach(lessons: Sequence[Lesson], pictures: np.ndarray) -> None:
    """Train the lessons' networks, all at once, and set each one's `network` and `losses`.

    pictures: uint8 [films, height, width], of the size that the networks are to have.
    """
    device = _device()
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    on_device = torch.from_numpy(pictures).to(device)
    learners = [_Learner(lesson, on_device) for lesson in lessons]
    under_way = learners
    while under_way:
        under_way = [learner for learner in under_way if learner.step()]
    for learner in learners:
        learner.finish()


def predict(model: keras.Model, pictures: np.ndarray, size: int = 256) -> np.ndarray:
    """uint8 [films, height, width] -> float32 logits [films, 3]."""
    parts = torch.from_numpy(pictures).split(size)
    with torch.no_grad():
        logits = [_logits(model(part.to(_device())[..., None], training=False)).cpu() for part in parts]
    return torch.cat(logits).numpy()


def learning_rate(settings: Settings, step: int, steps: int) -> float:
    """One cycle: a straight warm-up from a twenty-fifth of the peak, then half a cosine down to zero."""
    warmup = max(1, int(settings.warmup * steps))
    if step < warmup:
        return settings.learning_rate * (1 + 24 * step / warmup) / 25
    return settings.learning_rate * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup))) / 2


class _Learner:
    """A lesson under way: the network, its optimiser, its averaged weights and its recorded step."""

    def __init__(self, lesson: Lesson, pictures: Tensor) -> None:
        self.lesson, self.device, settings = lesson, pictures.device, lesson.settings
        self.stream = torch.cuda.Stream() if pictures.is_cuda else None
        with self._streaming():
            keras.utils.set_random_seed(settings.seed)
            self.random = torch.Generator(self.device).manual_seed(settings.seed)
            self.network = architecture(settings.architecture).build(*pictures.shape[1:], settings.options)
            self.front, self.body = _parted(self.network)
            self.model = recordable(self.body, half=pictures.is_cuda)
            self.pictures = pictures[torch.from_numpy(lesson.films).to(self.device)]
            self.targets = torch.from_numpy(lesson.targets).to(self.device)
            self.batches = len(self.pictures) // settings.batch_size
            self.steps, self.done = settings.epochs * self.batches, 0
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
        """A few steps to let the libraries settle, at a learning rate of zero; record one; put all back."""
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
            torch._foreach_lerp_(self.averaged, self.weights, 1 - self.lesson.settings.ema)
            self.total.add_(loss.detach())

    def step(self) -> bool:
        """One batch; False when there is none left."""
        if self.done == self.steps:
            return False
        settings, place = self.lesson.settings, self.done % self.batches
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
                self.lesson.losses.append(self.total / self.batches)
                self.total.zero_()
        return True

    def _shuffle(self, settings: Settings) -> None:
        """What an epoch learns: pictures as the first convolution sees them, and targets."""
        size = settings.batch_size
        order = torch.randperm(len(self.pictures), generator=self.random, device=self.device)[: self.batches * size]
        changed = augment_all(self.pictures[order], settings.augmentation, self.random)
        wanted = self.targets[order]
        if settings.mixup:
            shares = np.random.default_rng((settings.seed, self.done)).beta(*2 * [settings.mixup], self.batches)
            shares = torch.from_numpy(np.maximum(shares, 1 - shares).astype(np.float32)).to(self.device)
            mixed = changed.new_empty(changed.shape)
            for share, here in zip(shares, torch.arange(len(order), device=self.device).split(size), strict=True):
                blended = torch.lerp(changed[here.flip(0)].float(), changed[here].float(), share)
                mixed[here] = blended.round().to(torch.uint8)
                wanted[here] = torch.lerp(wanted[here.flip(0)], wanted[here], share)
            changed = mixed
        scaled = torch.cat([self.front(part[..., None]) for part in changed.split(512)])
        self.epoch = scaled, wanted

    def finish(self) -> None:
        """Take the averaged weights, and measure batch normalisation anew on films as they are."""
        with self._streaming(), torch.no_grad():
            for weight, average in zip(self.weights, self.averaged, strict=True):
                weight.copy_(average)
            self.rate.zero_()  # a step at this rate changes nothing but what batch normalisation has measured
            for _ in range(100):
                shape = (self.lesson.settings.batch_size,)
                films = torch.randint(len(self.pictures), shape, generator=self.random, device=self.device)
                self.seen.copy_(self.front(self.pictures[films][..., None]))
                self._replay()
        if self.stream is not None:
            self.stream.synchronize()
        self.body.set_weights(self.model.get_weights())
        self.lesson.network = self.network
        self.lesson.losses = [float(loss) for loss in self.lesson.losses]

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


def _logits(outputs: Tensor | dict[str, Tensor]) -> Tensor:
    return outputs["logits"] if isinstance(outputs, dict) else outputs


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
