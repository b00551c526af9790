"""The labelled data set as training and evaluation use it; it is read in `engine.dataset`."""

from xscan.engine.dataset import (
    FOLDS,
    DataSet,
    ListedFilm,
    load_folder,
    parse_folds,
    patient_from_name,
    read_inputs,
)

LabelledFilm = ListedFilm

__all__ = ["FOLDS", "DataSet", "LabelledFilm", "load_folder", "parse_folds", "patient_from_name", "read_inputs"]
