"""What hardware is chosen, in which precision it computes, and where tensors go."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from train.devices import hardware
from train.devices.hardware import Hardware, has_fast_bf16

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
NHWC = torch.channels_last


def test_without_a_gpu_it_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert Hardware.choose().device == CPU
    assert Hardware.choose("auto", "fp32").device == CPU


def test_a_gpu_is_taken_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "empty", lambda *_, device: made.append(device))
    assert Hardware.choose("auto", "fp32").device == CUDA
    assert Hardware.choose("cpu", "fp32").device == CPU
    assert Hardware.choose("cuda:1", "fp32").device == torch.device("cuda:1")
    assert made == [CUDA, CPU, torch.device("cuda:1")]


@pytest.mark.parametrize("device", ["toaster", "", "cpu:x", "cuda:99", "mps:7", "-1"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    with pytest.raises(ValueError, match=f"no device '{device}' here"):
        Hardware.choose(device)


@pytest.mark.parametrize("fast", [True, False])
def test_precision_is_what_was_asked_for_or_what_is_fast(
    monkeypatch: pytest.MonkeyPatch, fast: bool
) -> None:
    monkeypatch.setattr(hardware, "has_fast_bf16", lambda device: fast)
    found = [Hardware.choose("cpu", precision).bf16 for precision in ("auto", "bf16", "fp32")]
    assert found == [fast, True, False]


@pytest.mark.parametrize("known", ["_is_avx512_bf16_supported", "_is_amx_tile_supported", ""])
def test_a_cpu_is_fast_in_bf16_with_either_kind_of_instructions(
    monkeypatch: pytest.MonkeyPatch, known: str
) -> None:
    for probe in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, probe, lambda found=probe == known: found, raising=False)
    fast = bool(known) and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    assert has_fast_bf16(CPU) is fast


def test_an_older_torch_without_probes_is_taken_to_be_slow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for probe in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.delattr(torch.cpu, probe, raising=False)
    assert has_fast_bf16(CPU) is False


def test_a_gpu_is_fast_only_where_bf16_is_not_imitated(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def supported(including_emulation: bool) -> bool:
        asked.append(including_emulation)
        return len(asked) == 1

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert [has_fast_bf16(CUDA), has_fast_bf16(CUDA)] == [True, False]
    assert asked == [False, False]
    assert has_fast_bf16(torch.device("mps")) is False


def test_autocast_computes_in_bf16_with_weights_in_fp32() -> None:
    layer, value = nn.Linear(4, 4), torch.randn(2, 4)
    for bf16, dtype in ((True, torch.bfloat16), (False, torch.float32)):
        with Hardware(CPU, bf16).autocast():
            assert layer(value).dtype == dtype
        assert layer.weight.dtype == torch.float32
    assert layer(value).dtype == torch.float32


@pytest.mark.parametrize("channels_last", [True, False])
def test_networks_and_images_get_one_layout(channels_last: bool) -> None:
    here = Hardware(CPU, bf16=False, channels_last=channels_last)
    layer = nn.Conv2d(3, 8, 4)
    weights, images = layer.weight.detach().clone(), torch.randn(2, 3, 8, 8)
    placed, laid_out = here.place(layer), here.lay_out(images)
    assert placed is layer
    assert layer.weight.is_contiguous(memory_format=NHWC) is channels_last
    assert laid_out.is_contiguous(memory_format=NHWC) is channels_last
    assert torch.equal(layer.weight, weights) and torch.equal(laid_out, images)


def test_on_a_cpu_images_and_networks_stay_as_they_are() -> None:
    here = Hardware(CPU, bf16=False)
    images = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    assert here.place_images(images) is images


class Images:
    """Stands in for a tensor of ``size`` bytes, where no GPU is needed to test."""

    def __init__(self, size: int) -> None:
        self.size, self.device = size, CPU

    def numel(self) -> int:
        return self.size

    def to(self, device: torch.device) -> Images:
        self.device = device
        return self


@pytest.mark.parametrize(("size", "device"), [(249, CUDA), (251, CPU)])
def test_images_go_to_a_gpu_where_a_quarter_of_its_free_memory_holds_them(
    monkeypatch: pytest.MonkeyPatch, size: int, device: torch.device
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 4000))
    images: Any = Images(size)
    assert Hardware(CUDA, bf16=True).place_images(images).device == device


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_real_gpu_everything_is_placed_there() -> None:
    here = Hardware.choose()
    images = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    assert here.device == CUDA
    assert here.place_images(images).is_cuda
    assert here.place(nn.Conv2d(3, 8, 4)).weight.is_cuda
