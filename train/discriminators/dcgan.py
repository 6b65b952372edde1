"""The deep convolutional discriminator (Radford et al., 2015), mirror of the generator."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from train.discriminators import conditions


class DCGANDiscriminator(nn.Module):
    """Strided convolutions with LeakyReLU 0.2, halving the image at each step, to one logit.

    Takes (batch, channels, s, s) with s = ``end`` * 2**len(widths), and a condition if it has any:
    int64 labels (batch,) or texts as vectors (batch, words). Returns (batch,) logits; a sigmoid of
    them is the probability of being real.

    Args:
        norm_first: batch norm after the first convolution too (the handbag notebook does; the
            paper and the DeepFashion network do not).
        classes: with some, the label's own view of what is left of the image is added to the logit
            (projection, Miyato and Koyama, 2018).
        words: with some, the sum of the views of a text's words is, weighted by its vector.
    """

    def __init__(
        self,
        *,
        widths: Sequence[int],
        channels: int = 3,
        end: int = 4,
        norm_first: bool = False,
        classes: int = 0,
        words: int = 0,
    ) -> None:
        super().__init__()
        self.classes, self.words = classes, words
        self.views = conditions.length(classes, words)
        layers: list[nn.Module] = []
        for depth, (narrow, wide) in enumerate(zip((channels, *widths), widths, strict=False)):
            layers.append(nn.Conv2d(narrow, wide, 4, stride=2, padding=1, bias=False))
            if depth > 0 or norm_first:
                layers.append(nn.BatchNorm2d(wide))
            layers.append(nn.LeakyReLU(0.2, inplace=True))
        # A convolution as large as what is left of the image is a dense layer with one output.
        layers.append(nn.Conv2d(widths[-1], 1 + self.views, end))
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        logits, views = self.layers(images).flatten(1).split((1, self.views), 1)
        if self.views:
            assert condition is not None, "it is told of what each image is"
            views = views * conditions.rows(condition, self.views)
        return logits[:, 0] + views.sum(-1)
