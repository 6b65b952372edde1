"""Whatever comes in place of a design, its text or its code is refused in a sentence."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import numpy as np
import pytest
from example_designs import EXAMPLES, FULL, PLAIN

from studio import design as designs
from studio.design import (
    MAX_CODE,
    MAX_DEPTH,
    MAX_SEED,
    MAX_VARIATIONS,
    Design,
    DesignError,
    from_code,
    from_dict,
    from_json,
)


def nested(levels: int) -> dict[str, Any]:
    """A design that blends blends ``levels`` times over."""
    values: dict[str, Any] = {"generator": "bags"}
    for _ in range(levels):
        values = {"generator": "bags", "blend": [values, {"generator": "bags"}, 0.5]}
    return values


def packed(text: bytes) -> str:
    return base64.urlsafe_b64encode(zlib.compress(text, 9)).decode().rstrip("=")


NOT_NUMBERS = [
    None,
    True,
    False,
    "1",
    "",
    [],
    [1],
    {},
    float("nan"),
    float("inf"),
    float("-inf"),
    10**400,
    -(10**400),
    1e308,
    -1,
    np.float32(1e9),
    object,
    b"1",
    1 + 2j,
]
WRONG_PARTS = [
    *({"seed": value} for value in [*NOT_NUMBERS, 0.5, MAX_SEED + 1, float(2**32)]),
    *({"truncation": value} for value in [*NOT_NUMBERS, 1.51, -0.01]),
    *({"label": value} for value in [*NOT_NUMBERS[1:], 0.5, 10_000]),
    *({"generator": value} for value in (None, 1, True, "", "x" * 101, ["bags"], b"bags", {})),
    *({"fingerprint": value} for value in (None, 1, b"", ["a"], "x" * 65)),
]
for part in ("directions", "dimensions", "variations"):
    WRONG_PARTS += [
        {part: value} for value in (None, 1, True, "ab", "a" * 9, {}, {"0": 1}, {0: 1}, {(0, 1)})
    ]
    WRONG_PARTS += [
        {part: [pair]}
        for pair in (None, 1, "01", [], [1], [1, 1, 1], {}, {0: 1, 1: 1}, [[1], 1], [1, [1]])
    ]
    WRONG_PARTS += [{part: [[index, 0.5]]} for index in [*NOT_NUMBERS, 0.5, 2**32]]
    bad = [value for value in NOT_NUMBERS if value != -1] + [-6.01, 6.01]
    WRONG_PARTS += [{part: [[0, amount]]} for amount in bad]
    WRONG_PARTS += [{part: [[0, 0.5]] * 5000}]
WRONG_PARTS += [
    {"variations": [[0, -0.01]]},
    {"variations": [[0, 1.01]]},
    {"directions": [[64, 0.5]]},
    {"dimensions": [[4096, 0.5]]},
    {"variations": [[0, 0.5]] * (MAX_VARIATIONS + 1)},
]
A = {"generator": "bags"}
WRONG_PARTS += [
    {"blend": value}
    for value in (
        *(True, 0, "abc", {}, [], [A], [A, A], [A, A, 0.5, 0.6, 0.7], {"0": A, "1": A, "2": 0.5}),
        *([A, None, 0.5], [1, A, 0.5], [A, [A], 0.5], [A, A, None], [A, A, True], [A, A, "0"]),
        *([A, A, -0.1], [A, A, 1.1], [A, A, float("nan")], [A, A, 10**400]),
        *([A, A, 0.5, value] for value in [*NOT_NUMBERS, -0.1, 1.1, A]),
        [{"generator": "shoes"}, {"generator": "shoes"}, 0.5],
        [{"generator": "bags"}, {"generator": "shoes"}, 0.5],
        [{"generator": "bags", "seed": -1}, A, 0.5],
        [A, {"generator": "bags", "colour": 1}, 0.5],
        [{}, {}, 0.5],
    )
]


@pytest.mark.parametrize("part", WRONG_PARTS, ids=lambda part: repr(part)[:60])
def test_a_wrong_part_is_refused(part: dict[str, Any]) -> None:
    with pytest.raises(DesignError, match=r"^[A-Z].*\w \w.*\.$") as caught:
        from_dict({"generator": "bags", **part})
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "values",
    [None, True, 1, 1.5, "bags", b"bags", [], [["generator", "bags"]], PLAIN, object, {}],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_design_at_all_is_refused(values: Any) -> None:
    with pytest.raises(DesignError):
        from_dict(values)


@pytest.mark.parametrize("key", ["colour", "", "Seed", "__class__", "to_json", "x" * 10_000, 5])
def test_an_unknown_part_is_refused_and_named_in_short(key: Any) -> None:
    with pytest.raises(DesignError, match="does not know") as caught:
        from_dict({"generator": "bags", key: 1})
    assert str(key)[:70] in str(caught.value)
    assert len(str(caught.value)) < 200


def test_blends_of_blends_have_a_limit() -> None:
    assert from_dict(nested(MAX_DEPTH)).to_dict()["blend"][2] == 0.5
    with pytest.raises(DesignError, match=f"more than {MAX_DEPTH} times"):
        from_dict(nested(MAX_DEPTH + 1))
    with pytest.raises(DesignError, match=f"more than {MAX_DEPTH} times"):
        from_dict(nested(300))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        "null",
        "7",
        '"bags"',
        "[]",
        "{}",
        "NaN",
        '{"generator":"bags"',
        '{"generator":"bags"}}',
        "{'generator':'bags'}",
        '{"generator":"bags","seed":NaN}',
        '{"generator":"bags","truncation":-Infinity}',
        '{"generator":"bags","truncation":1e999}',
        '{"generator":"bags","truncation":1' + "0" * 400 + "}",
        '{"generator":"bags","seed":1' + "0" * 10_000 + "}",
        '{"generator":"bags","directions":' + "[" * 100_000 + "]" * 100_000 + "}",
        "[" * 100_000,
        '{"a":' * 100_000,
        json.dumps(nested(200)),
        b"\xff\xfe\x00",
        b"\x80",
        b"\x00" * 9,
        "\ud800",
        "\x00",
        "🜁",
    ],
    ids=lambda text: repr(text)[:40],
)
def test_damaged_text_is_refused(text: str | bytes) -> None:
    with pytest.raises(DesignError):
        from_json(text)


@pytest.mark.parametrize("design", EXAMPLES.values(), ids=EXAMPLES)
def test_a_code_cut_anywhere_is_refused(design: Design) -> None:
    code = design.to_code()
    for length in range(len(code)):
        with pytest.raises(DesignError):
            from_code(code[:length])


def test_a_code_with_one_wrong_character_is_refused_or_a_design() -> None:
    code = FULL.to_code()
    refused = 0
    for index in range(len(code)):
        for character in "A_é \n=%":
            try:
                assert isinstance(from_code(code[:index] + character + code[index + 1 :]), Design)
            except DesignError:
                refused += 1
    assert refused > 6 * len(code)


@pytest.mark.parametrize(
    "code",
    [
        "",
        "A",
        "====",
        "AAAA",
        "é" * 40,
        "𝒳" * 40,
        "\x00" * 40,
        "\ud800" * 4,
        "../../etc/passwd",
        "<script>",
        PLAIN.to_json(),
        " " + PLAIN.to_code(),
        PLAIN.to_code() + "\n",
        PLAIN.to_code()[:8] + "!!!!" + PLAIN.to_code()[8:],
        "A" * MAX_CODE,
        "A" * (MAX_CODE + 1),
        "A" * 10_000_000,
        packed(b""),
        packed(b"null"),
        packed(b"\xff\xfe"),
        packed(b'{"generator":5}'),
        packed(b"[" * 200_000),
        base64.urlsafe_b64encode(PLAIN.to_json().encode()).decode(),
        base64.urlsafe_b64encode(b"PK\x03\x04" * 40).decode(),
    ],
    ids=lambda code: repr(code)[:30],
)
def test_what_is_no_code_is_refused(code: str) -> None:
    with pytest.raises(DesignError):
        from_code(code)


def test_a_small_code_cannot_unpack_to_much(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DesignError, match="too long"):
        from_code("A" * (MAX_CODE + 1))
    seen = []
    monkeypatch.setattr(designs, "from_json", lambda text: seen.append(len(text)) or PLAIN)
    with pytest.raises(DesignError, match="damaged"):
        from_code(packed(b" " * 20_000_000))
    assert seen == []
    assert from_code(packed(b" " * (4 * MAX_CODE - 1))) == PLAIN
    assert seen == [4 * MAX_CODE - 1]
