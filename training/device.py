"""Train a network on a GPU through PyTorch: films and their changes stay on the card.

A step of a small network is some hundred kernels of a few microseconds. Launched one by one from Python they leave
the card idle, so the step is recorded once as a CUDA graph and replayed. On a CPU the same steps run one by one:
right, but slower than Keras's own.

Needs Keras on PyTorch (KERAS_BACKEND=torch). What comes out is a Keras network like any other.
"""

import math
from contextlib import AbstractContextManager, nullcontext

import keras
import numpy as np
import torch
from keras import layers
from torch import Tensor
from torch.nn import functional

from .architectures import recordable
from .augment_torch import augment_all
from .settings import Settings


def teach(network: keras.Model, pictures: np.ndarray, targets: np.ndarray, settings: Settings) -> list[float]:
    """Train the network in place, from the weights it has; returns the mean loss of each epoch.

    pictures: uint8 [films, height, width], of the network's size. targets: float32 [films, 3], probabilities.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    learner = _Learner(network, torch.from_numpy(pictures).to(device), torch.from_numpy(targets).to(device), settings)
    while learner.step():
        pass
    return learner.finish()


def learning_rate(settings: Settings, step: int, steps: int) -> float:
    """One cycle: a straight warm-up from a twenty-fifth of the peak, then half a cosine down to zero."""
    warmup = max(1, int(settings.warmup * steps))
    if step < warmup:
        return settings.learning_rate * (1 + 24 * step / warmup) / 25
    return settings.learning_rate * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup))) / 2


class _Learner:
    """A training under way: the network, its optimiser, its averaged weights and its recorded step."""

    def __init__(self, network: keras.Model, pictures: Tensor, targets: Tensor, settings: Settings) -> None:
        self.pictures, self.targets, self.settings, self.device = pictures, targets, settings, pictures.device
        self.stream = torch.cuda.Stream() if pictures.is_cuda else None
        self.batches = len(pictures) // settings.batch_size
        self.steps, self.done = settings.epochs * self.batches, 0
        self.losses: list[Tensor] = []
        with self._streaming():
            self.random = torch.Generator(self.device).manual_seed(settings.seed)
            self.front, self.body = _parted(network)
            self.model = recordable(self.body, half=pictures.is_cuda)
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
        trim = torch.tensor(settings.trim, device=self.device)[wanted.argmax(1)] if settings.trim else None
        changed = augment_all(self.pictures[order], settings.augmentation, self.random, trim)
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
        self.epoch = scaled, wanted

    def finish(self) -> list[float]:
        """Give the network the averaged weights, and measure batch normalisation anew on films as they are."""
        with self._streaming(), torch.no_grad():
            for weight, average in zip(self.weights, self.averaged, strict=True):
                weight.copy_(average)
            self.rate.zero_()  # a step at this rate changes nothing but what batch normalisation has measured
            for _ in range(100):
                shape = (self.settings.batch_size,)
                films = torch.randint(len(self.pictures), shape, generator=self.random, device=self.device)
                self.seen.copy_(self.front(self.pictures[films][..., None]))
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
