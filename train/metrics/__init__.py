"""How good generated images are: how far from real ones, how varied, whose copies.

Most measures compare features of a named network, first one that was trained on ImageNet; plain
statistics of colour and edges and a network learnt from photos at hand give a second opinion.
Compare numbers of the same real images and the same ``protocol`` only. ``docs/measures.md`` says
what each of them tells, and what it does not.
"""

from train.metrics.checks import MetricsError
from train.metrics.classifier import Classifier
from train.metrics.copies import Originals
from train.metrics.distances import frechet_distance, kernel_distance
from train.metrics.evaluation import evaluate
from train.metrics.features import Features
from train.metrics.inception import Inception
from train.metrics.mobilenet import FeatureNetwork
from train.metrics.quality import Quality
from train.metrics.store import Store, default_folder

__all__ = [
    "Classifier",
    "FeatureNetwork",
    "Features",
    "Inception",
    "MetricsError",
    "Originals",
    "Quality",
    "Store",
    "default_folder",
    "evaluate",
    "frechet_distance",
    "kernel_distance",
]
