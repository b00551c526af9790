"""From logits to probabilities and odds. Apart from bands.py, so that a run's main process never loads NumPy."""

import numpy as np


def probabilities(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Softmax of logits / temperature. logits: float [..., 3]; returns float64 of the same shape."""
    scaled = np.asarray(logits, np.float64) / temperature
    exponents = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return exponents / exponents.sum(axis=-1, keepdims=True)


def log_odds(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Log odds of pneumonia against normal, nats. logits, or class maps: float [..., 3]; returns float64 [...]."""
    scaled = np.asarray(logits, np.float64) / temperature
    return np.logaddexp(scaled[..., 1], scaled[..., 2]) - scaled[..., 0]
