"""How well questions find what answers them: data sets asked through the API, and measured."""

from evaluation.asking import Options
from evaluation.comparison import Difference, compare, has_fallen, read_evaluation, save_evaluation
from evaluation.dataset import Dataset, Split
from evaluation.evaluating import evaluate
from evaluation.failures import EvaluationFailed
from evaluation.reading import read_dataset
from evaluation.results import Evaluation, Leg

__all__ = [
    "Dataset",
    "Difference",
    "Evaluation",
    "EvaluationFailed",
    "Leg",
    "Options",
    "Split",
    "compare",
    "evaluate",
    "has_fallen",
    "read_dataset",
    "read_evaluation",
    "save_evaluation",
]
