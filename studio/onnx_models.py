"""What is done to an ONNX model once torch has written it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # importing it takes its time, see studio.onnx_export
    from onnx import ModelProto

# Values in a weight. Smaller ones save little, and a norm's statistics are worth their precision.
HALVED_FROM = 1024
MOST = 2**15 - 1  # of an int16


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
    """The same network in half the bytes: its large weights as int16, each row with a scale.

    Whoever reads the file multiplies them again. So a weight is off by 1 / 65,534 of the largest in
    its row at most; as float16 it would be off by up to 1 / 2,048 of itself, and a few pixels of
    the wider generators by 6 levels of 255.
    """
    from onnx import TensorProto, helper, numpy_helper

    result = copy.deepcopy(model)
    graph = result.graph
    nodes = []
    for weight in list(graph.initializer):
        values = numpy_helper.to_array(weight)
        if weight.data_type != TensorProto.FLOAT or values.size < HALVED_FROM:
            continue
        rows = values.reshape(len(values), -1) if values.ndim > 1 else values[None]
        scales = np.abs(rows).max(1) / MOST
        if not np.isfinite(scales).all():
            continue
        scales[scales == 0] = 1
        whole = np.rint(rows / scales[:, None]).astype(np.int16).reshape(values.shape)
        shape = (len(scales), *[1] * (values.ndim - 1))
        names = [f"{weight.name}_{part}" for part in ("whole", "scale", "wide")]
        for name, part in zip(
            names, (whole, scales.reshape(shape).astype(np.float32)), strict=False
        ):
            graph.initializer.append(numpy_helper.from_array(part, name))
        nodes.append(helper.make_node("Cast", names[:1], names[2:], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [names[2], names[1]], [weight.name]))
        graph.initializer.remove(weight)
    nodes += graph.node  # what makes weights comes before whatever reads them
    graph.ClearField("node")
    graph.node.extend(nodes)
    return result
