"""What options with a fixed list of values take. The parser refuses others, shows the list in --help and completes it.

The lists stand where the values are used, in modules that `--help` must not import; a test holds these to them.
"""

from enum import StrEnum


class Language(StrEnum):
    """Of the morning page: xscan.engine.report.texts."""

    en = "en"
    es = "es"


class ListFormat(StrEnum):
    """Of the triage list: xscan.engine.lists.formats."""

    csv = "csv"
    jsonl = "jsonl"
    parquet = "parquet"
    excel = "excel"


class MapMethod(StrEnum):
    """Of xscan explain: xscan.training.explanation.explain."""

    auto = "auto"
    maps = "maps"
    occlusion = "occlusion"


class TrainingPrecision(StrEnum):
    """Of products on a CPU: xscan.training.fit.settings."""

    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"


class EnginePrecision(StrEnum):
    """Of an engine: xscan.calibration.build_engine."""

    auto = "auto"
    fp32 = "fp32"
    fp16 = "fp16"
    int8 = "int8"


class RangeMethod(StrEnum):
    """How INT8 ranges are cut: xscan.calibration.int8.ranges."""

    auto = "auto"
    minmax = "minmax"
    percentile = "percentile"
    mse = "mse"
    entropy = "entropy"


class EngineRuntime(StrEnum):
    """What runs an engine: xscan.engine.network.sidecar."""

    auto = "auto"
    tensorrt = "tensorrt"
    tensorrt_rtx = "tensorrt-rtx"
    ort_rtx = "ort-rtx"
    onnxruntime = "onnxruntime"


class Trainable(StrEnum):
    """What can be trained: xscan.training.architectures.registry."""

    seed = "seed"
    lenet5 = "lenet5"
    alexnet = "alexnet"
    vgg16 = "vgg16"
    compact = "compact"
    lite_c4 = "lite_c4"
    squeezenet = "squeezenet"
    mobilenet = "mobilenet"


class Figure(StrEnum):
    """What networks can be compared by: xscan.training.evaluation.compare."""

    accuracy = "accuracy"
    mcc = "mcc"
    kappa = "kappa"
    loss = "loss"
    brier = "brier"
    ece = "ece"
    pneumonia_roc_auc = "pneumonia.roc_auc"
    pneumonia_pr_auc = "pneumonia.pr_auc"
    pneumonia_sensitivity = "pneumonia.sensitivity"
    pneumonia_specificity = "pneumonia.specificity"
    pneumonia_mcc = "pneumonia.mcc"
    kind_roc_auc = "kind.roc_auc"
    kind_pr_auc = "kind.pr_auc"
    kind_sensitivity = "kind.sensitivity"
    kind_specificity = "kind.specificity"
    kind_mcc = "kind.mcc"
    normal_f1 = "normal.f1"
    bacteria_f1 = "bacteria.f1"
    virus_f1 = "virus.f1"
