"""How good generated images are: how far from real ones, how varied, whose copies.

All measures compare features of a named ImageNet network, not pixels, but for the class accuracy.
Compare numbers of the same real images and the same ``protocol`` only. ``docs/measures.md`` says
what each of them tells, and what it does not.
"""

from train.metrics.checks import MetricsError
from train.metrics.classifier import Classifier
from train.metrics.copies import Training
from train.metrics.distances import frechet_distance, kernel_distance
from train.metrics.diversity import diversity, diversity_within
from train.metrics.evaluation import evaluate, labels_like
from train.metrics.features import Features
from train.metrics.inception import Inception
from train.metrics.mobilenet import FeatureNetwork
from train.metrics.neighbours import neighbours
from train.metrics.quality import Quality
from train.metrics.reference import Reference
from train.metrics.store import Store, default_folder
from train.metrics.table import table

__all__ = [
    "Classifier",
    "FeatureNetwork",
    "Features",
    "Inception",
    "MetricsError",
    "Quality",
    "Reference",
    "Store",
    "Training",
    "default_folder",
    "diversity",
    "diversity_within",
    "evaluate",
    "frechet_distance",
    "kernel_distance",
    "labels_like",
    "neighbours",
    "table",
]
