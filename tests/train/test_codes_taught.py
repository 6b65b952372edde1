"""Styles and the flow: what teaches a coded generator to draw, once there is a codec."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from coded_trainings import GENERATOR, RECIPE, begun, pictures
from torch import Tensor
from trainings import differences, same, taken, through_a_file

from train.engine.encoders import Encoders
from train.engine.training import Training
from train.recipes import Recipe, for_classes, taught_by
from train.teachers import features
from train.teachers.codes import CodesError
from train.teachers.styles import CRITIC_FROM, DRAWN_FROM, SEEN_FROM

ALL = [("flow",), ("styles",), ("styles", "flow")]
EVERYTHING = ("reconstruction", "styles", "flow")
LABELS = torch.arange(24) % 3
ASIDE = torch.arange(24) % 8 == 3


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """The frozen network sees smaller pictures."""
    monkeypatch.setattr(features, "LEAST_SIZE", 32)


@pytest.fixture(scope="module")
def codec(lite0: Path) -> Training:
    """A training by reconstruction, then one by styles of a few steps, to begin from."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(features, "LEAST_SIZE", 32)
        first = run(begun(of(("reconstruction",)), lite0), 4)
        return run(begun(of(("styles",)), lite0, start=first), 4)


@pytest.fixture
def begin(codec: Training, lite0: Path) -> Callable[..., Training]:
    """``begin(teachers)``: a training that begins from the codec, of three classes."""

    def begin(
        names: tuple[str, ...], start: Training | None = codec, how: Any = (), **changes: Any
    ) -> Training:
        recipe = for_classes(of(names, conditional=True, **changes), 3)
        how = {"condition": LABELS, "aside": ASIDE, **dict(how)}
        return begun(recipe, lite0, start=start, **how)

    return begin


def of(names: tuple[str, ...], **changes: Any) -> Recipe:
    return replace(RECIPE, **{"teachers": dict.fromkeys(names, 1.0), **changes})


def run(training: Training, steps: int, total: int = 12) -> Training:
    for _ in range(steps):
        training.step(training.step_count / total)
    return training


@pytest.mark.parametrize("names", [*ALL, EVERYTHING], ids=", ".join)
def test_it_goes_on_exactly_where_it_was(begin: Callable[..., Training], names) -> None:
    share = {"encoder_share": 0.0}  # codes are what they are where styles of them are learnt
    whole = run(begin(names, **share), 9)
    first = run(begin(names, **share), 5)
    second = begin(names, **share)
    second.load_state_dict(through_a_file(first.state_dict()))
    assert differences(first, second) == set()
    run(second, 4)
    assert differences(whole, second) == set()
    assert torch.equal(whole.average.samples(), second.average.samples())
    assert taken(whole).keys() == taken(second).keys()


def test_velocities_come_nearer_to_those_of_photos(begin: Callable[..., Training]) -> None:
    training = begin(("flow",), learning_rate=3e-3)
    found = [taken(run(training, 100, total=10_000))["flow_loss"] for _ in range(3)]
    assert found[-1] < 0.96 * found[0]


def test_codes_come_nearer_through_their_styles(begin: Callable[..., Training]) -> None:
    training = begin(("styles",), learning_rate=5e-3)
    found = [taken(run(training, 20, total=10_000))["code_difference"] for _ in range(6)]
    assert found[-1] < 0.9 * found[0]


def test_pictures_and_the_critic_begin_to_count_one_after_the_other(
    begin: Callable[..., Training],
) -> None:
    training = begin(("styles",))
    critic = training.teachers["styles"].networks["critic"]
    new = {name: value.clone() for name, value in critic.state_dict().items()}
    found = {}
    for done in (0.0, SEEN_FROM, CRITIC_FROM, DRAWN_FROM):
        training.step(done)
        found[done] = taken(training)
        learnt = any(not torch.equal(new[n], each) for n, each in critic.state_dict().items())
        assert learnt is (done >= CRITIC_FROM)
    assert [value["picture_difference"] > 0 for value in found.values()] == [False] + [True] * 3
    assert [value["style_critic_loss"] > 0 for value in found.values()] == [False] * 2 + [True] * 2


def test_the_critic_learns_to_tell_what_came_back(begin: Callable[..., Training]) -> None:
    training = begin(("styles",), batch=16, how={"aside": None})
    training.recipe.teachers["styles"] = 0.0  # what it judges stays as it is
    found = []
    for _ in range(3):
        for _ in range(8):
            training.step(CRITIC_FROM)
        found.append(taken(training)["style_critic_loss"])
    assert found[-1] < found[0]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[[Training], list[tuple[Tensor, bool]]]:
    """``asked(training)``: labels that its flow draws from now on, and if it learns by it."""

    def asked(training: Training) -> list[tuple[Tensor, bool]]:
        flow, found = training.generator.flow, []
        draw = flow.forward

        def noted(z: Tensor, told: Tensor) -> Tensor:
            styles = draw(z, told)
            found.append((told, styles.requires_grad))
            return styles

        monkeypatch.setattr(flow, "forward", noted)
        return found

    return asked


def test_where_no_flow_knows_styles_they_are_mixed(
    begin: Callable[..., Training], asked: Callable[..., Any]
) -> None:
    training = begin(("styles",))
    assert not training.generator.flow.known
    drawn = asked(training)
    training.step(0.9)
    assert not drawn and taken(training)["style_critic_loss"] > 0


def test_a_flow_that_is_known_draws_and_stays(
    begin: Callable[..., Training], asked: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    start = run(begin(("flow",)), 3)
    training = begin(("styles",), start=start)
    known, teacher = start.average.network.flow, training.teachers["styles"]
    batches, lesson = [], teacher.lesson
    monkeypatch.setattr(teacher, "lesson", lambda batch: batches.append(batch) or lesson(batch))
    drawn = asked(training)
    training.step(CRITIC_FROM)
    ((labels, learns),) = drawn
    assert torch.equal(labels, batches[0].told[1:2])  # one photo of the eight says what is drawn
    assert not learns and known.known and same(known, training.generator.flow)


def test_a_flow_draws_once_it_has_learnt_for_a_while_and_learns_nothing_by_that(
    begin: Callable[..., Training], asked: Callable[..., Any]
) -> None:
    for done in (DRAWN_FROM - 0.01, DRAWN_FROM):
        both, alone = (begin(("styles", "flow"), clip=0.0) for _ in range(2))
        alone.recipe.teachers["styles"] = 0.0
        drawn = asked(both)
        for training in (both, alone):
            training.step(done)
        assert [learns for _, learns in drawn] == ([False] if done >= DRAWN_FROM else [])
        gradients = [each.generator.flow.leave.bias.grad for each in (both, alone)]
        assert gradients[1].any() and torch.equal(*gradients)


def test_styles_that_are_found_anew_are_no_flows(codec: Training, lite0: Path) -> None:
    first = begun(of(("flow",)), lite0, start=codec)
    assert first.average.network.flow.known
    first.average.network.synthesis.forget()
    assert not begun(of(("styles",)), lite0, start=first).generator.flow.known
    assert begun(of(("styles", "flow")), lite0, start=first).generator.flow.known


@pytest.mark.parametrize(("names", "taught"), [(("flow",), {"flow"}), (("styles",), {"synthesis"})])
def test_only_what_is_taught_changes(begin: Callable[..., Training], codec, names, taught) -> None:
    training = begin(names)
    run(training, 9)
    before, after = codec.average.network, training.generator
    parts = [name for name in ("synthesis", "decoder") if not same(*both(before, after, name))]
    start = begin(names).generator
    parts += ["flow"] if not same(start.flow, after.flow) else []
    encoders = codec.encoders.averages(), training.encoders.averages()
    parts += [] if same(*encoders) else ["photo"]
    assert set(parts) == taught


def both(first: torch.nn.Module, second: torch.nn.Module, part: str):
    return getattr(first, part), getattr(second, part)


def test_components_that_carry_more_of_a_picture_count_more(
    begin: Callable[..., Training],
) -> None:
    training = begin(("flow",))
    synthesis = training.generator.synthesis
    flow = training.teachers["flow"]
    with torch.no_grad():
        synthesis.components.div_(synthesis.components.flatten(1).norm(dim=1)[:, None, None, None])
        synthesis.worth.fill_(1)
        synthesis.components[0] *= 3
        synthesis.components[1] *= 0.001
    pace = flow.pace()
    torch.testing.assert_close(pace[2] / pace[0], torch.tensor(3.0))  # the first is ahead
    assert pace[1] == 6  # but nothing is left behind for good
    weights = flow.weights()
    torch.testing.assert_close(weights.mean(), torch.tensor(1.0))
    torch.testing.assert_close(weights[0], 3 * weights[2])
    assert 0.1 < weights[1] < weights[2]  # little, and not nothing


def test_a_flow_knows_where_styles_lie(begin: Callable[..., Training]) -> None:
    training = begin(("flow",))
    styles = training.teachers["flow"].styles
    assert styles.shape == (4, 24, 10)  # plain and moved, and both mirrored
    learnt = styles[:, ~ASIDE].flatten(0, 1)
    for network in (training.generator, training.average.network):
        torch.testing.assert_close(network.flow.mean, learnt.mean(0))
        torch.testing.assert_close(network.flow.deviation, learnt.std(0))
        assert torch.equal(network.flow.pace, training.teachers["flow"].pace())
    drawn = training.generator.map(torch.randn(4000, 10), torch.zeros(4000, dtype=torch.int64))
    torch.testing.assert_close(drawn.mean(0), learnt.mean(0), atol=0.1, rtol=0)


def test_a_style_is_a_codes_principal_components(begin: Callable[..., Training], codec) -> None:
    fresh = begin(("styles",))
    fresh.generator.synthesis.forget()
    fresh.prepare()
    synthesis, codes = fresh.generator.synthesis, fresh.setup.codes.all
    styles = synthesis.styles(codes[:, ~ASIDE].flatten(0, 1))
    torch.testing.assert_close(styles.mean(0), torch.zeros(10), atol=1e-3, rtol=0)
    torch.testing.assert_close(styles.T.cov(), torch.eye(10), atol=0.05, rtol=0)
    assert synthesis.worth.mean() == pytest.approx(1) and synthesis.worth.std() > 0
    assert same(synthesis, fresh.average.network.synthesis)
    # Of all that ten values can tell they leave out the least, by what channels are worth.
    apart = ((codes[:, ~ASIDE].flatten(0, 1).float() - synthesis.centre) * synthesis.worth).flatten(
        1
    )
    told = (synthesis.components * synthesis.worth).flatten(1)
    best = torch.linalg.svdvals(apart)[10:].square().sum()
    assert (apart - styles @ told).square().sum() == pytest.approx(best.item(), rel=0.05)


def test_what_a_style_is_stays(begin: Callable[..., Training], codec) -> None:
    known = codec.generator.synthesis
    for training in (begin(("styles",)), begin(("flow",)), run(begin(("styles", "flow")), 2)):
        for name in ("centre", "components", "worth"):
            assert torch.equal(getattr(training.generator.synthesis, name), getattr(known, name))
    assert not begin(("reconstruction",)).generator.synthesis.known  # codes become others


def test_few_photos_have_no_styles(codec: Training, lite0: Path) -> None:
    first = begun(of(("reconstruction",)), lite0, start=codec)  # forgets them
    with pytest.raises(CodesError, match=r"10 values needs at least 3 photos.*and here are 2"):
        begun(of(("styles",)), lite0, start=first, images=pictures(2))


def test_a_label_is_left_away_for_some_photos(
    begin: Callable[..., Training], monkeypatch: pytest.MonkeyPatch
) -> None:
    training = begin(("flow",), how={"condition": LABELS, "aside": None})
    told: list[Tensor] = []
    network = training.generator.flow
    ask = network.told
    monkeypatch.setattr(network, "told", lambda c, *rest: told.append(c) or ask(c, *rest))
    run(training, 30, total=1000)
    labels = torch.cat(told)
    assert set(labels.tolist()) == {0, 1, 2, 3}
    assert (labels == 3).float().mean() == pytest.approx(0.15, abs=0.07)


def test_texts_are_told_too(codec: Training, lite0: Path) -> None:
    recipe = of(("styles", "flow"), generator={**GENERATOR, "words": 5})
    texts = (torch.rand(24, 5) > 0.5).float()
    training = run(begun(recipe, lite0, start=codec, condition=texts), 3)
    assert taken(training)["flow_loss"] > 0
    z = torch.randn(2, 10)
    drawn = [training.generator.map(z, each) for each in (texts[:2], torch.zeros(2, 5))]
    assert not torch.equal(*drawn)


def test_photos_are_encoded_once(
    begin: Callable[..., Training], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[int] = []
    codes = Encoders.codes

    def noted(self: Encoders, photos: Tensor) -> Tensor:
        encoded.append(len(photos))
        return codes(self, photos)

    monkeypatch.setattr(Encoders, "codes", noted)
    first = begin(("flow",), how={"folder": tmp_path})
    assert sum(encoded) == 4 * 24
    second = begin(("flow",), how={"folder": tmp_path})
    assert sum(encoded) == 4 * 24
    assert differences(run(first, 2), run(second, 2)) == set()
    assert len(list(tmp_path.glob("codes-*.pt"))) == 1
    for path in tmp_path.glob("codes-*.pt"):
        path.write_bytes(b"torn")
    begin(("flow",), how={"folder": tmp_path}, flip=False)  # other views, and torn files
    assert sum(encoded) == 6 * 24
    begin(("flow",), how={"folder": tmp_path})
    assert sum(encoded) == 10 * 24


def test_without_a_codec_it_says_what_to_do(begin: Callable[..., Training], codec) -> None:
    for names in ALL:
        with pytest.raises(CodesError, match=r"needs a codec to begin from.*--recipe codec"):
            begin(names, start=None)
    lone = run(begin(("reconstruction",), start=None), 1)
    with pytest.raises(CodesError, match="codes that stay as they are"):
        begin(EVERYTHING)
    with pytest.raises(CodesError, match="--teachers styles,flow"):
        begin(("flow",), start=lone)


def test_photos_are_not_read_where_their_codes_are_known(
    begin: Callable[..., Training], monkeypatch: pytest.MonkeyPatch
) -> None:
    training = begin(("styles", "flow"))
    read: list[int] = []
    photos = training.batches.photos
    monkeypatch.setattr(
        training.batches, "photos", lambda rows, way: read.append(len(rows)) or photos(rows, way)
    )
    run(training, 2)
    assert read == [0, 0]


def test_a_game_keeps_the_encoders_as_they_were(begin: Callable[..., Training], codec) -> None:
    training = begin(("game",), init="dcgan")
    run(training, 2)
    assert same(training.encoders.averages(), codec.encoders.averages())
    assert not same(*both(codec.average.network, training.generator, "decoder"))


def test_the_flow_alone_takes_many_styles_at_once() -> None:
    assert taught_by(RECIPE, ["flow"]).batch == 512
    assert taught_by(RECIPE, ["styles", "flow"]).batch == RECIPE.batch
    assert pictures().shape[0] == 24
