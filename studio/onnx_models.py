"""What is done to an ONNX model once torch has written it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # importing it takes its time, see studio.onnx_export
    from onnx import ModelProto

# Values in a weight. Smaller ones save little, and a norm's statistics are worth their precision.
HALVED_FROM = 1024


def bare(model: ModelProto) -> ModelProto:
    """The model without what the exporter notes of its origin: paths on this machine, mostly.

    It is changed in place.
    """
    graph = model.graph
    groups = (graph.node, graph.initializer, graph.input, graph.output)
    for part in (model, graph, *(each for group in groups for each in group)):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    graph.ClearField("value_info")  # shapes on the way, which every runtime finds by itself
    return model


def halved(model: ModelProto) -> ModelProto:
    """The same network with its large float32 weights stored as float16, and widened when read."""
    from onnx import TensorProto, helper, numpy_helper

    result = copy.deepcopy(model)
    graph = result.graph
    nodes = []
    for weight in list(graph.initializer):
        values = numpy_helper.to_array(weight)
        if weight.data_type != TensorProto.FLOAT or values.size < HALVED_FROM:
            continue
        if np.abs(values).max() > np.finfo(np.float16).max:
            continue
        half = f"{weight.name}_half"
        nodes.append(helper.make_node("Cast", [half], [weight.name], to=TensorProto.FLOAT))
        graph.initializer.append(numpy_helper.from_array(values.astype(np.float16), half))
        graph.initializer.remove(weight)
    nodes += graph.node  # the casts come before whatever reads them
    graph.ClearField("node")
    graph.node.extend(nodes)
    return result
