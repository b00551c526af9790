"""What the recipes of the networks that ship share: folds, targets, and the films of the lessons from labels."""

import numpy as np

from ..fit.augment import Augmentation

THIRDS = ((0, 1, 2), (3, 4, 5), (6, 7, 8))
HELD_OUT = (9,)

# Normal against pneumonia is well labelled in these films, bacterial against viral is not: only there does a
# network that is sure of its label learn mistakes. Rows and columns in the order of CLASSES.
SOFT_LABELS = np.array(
    [
        [0.98, 0.01, 0.01],
        [0.01, 0.87, 0.12],
        [0.01, 0.12, 0.87],
    ],
    np.float32,
)
CHANGED = Augmentation(
    rotation=8,
    scale=0,
    aspect=0,
    shift=0,
    crop=(0.7, 1.08),  # in place of scale, aspect and shift
    jpeg=0.15,
    border=0.2,
    mask=0.3,
    sharpen=0.25,
    levels=0.6,
    spectrum=0.5,
    corner=0.3,
)
