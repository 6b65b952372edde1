"""The published systems that the studio grew from, with their networks and numbers.

Nothing here may change: their results are to be made again.
"""

from __future__ import annotations

from train.recipes.recipe import Recipe

FASHION_MNIST_MLP = Recipe(
    name="fashion-mnist-mlp",
    title="Fashion-MNIST, dense layers",
    source="MLP GAN on Fashion-MNIST in the manner of Goodfellow et al., 2014, first in Keras",
    generator={
        "kind": "mlp",
        "latent_dim": 100,
        "widths": [256, 512, 1024],
        "image_size": 28,
        "channels": 1,
        "output": "tanh",
    },
    discriminator={"kind": "mlp", "widths": [512, 256], "image_size": 28, "channels": 1},
    batch=32,
    learning_rate=2e-4,
    betas=(0.5, 0.999),
    steps=5_000,
    log_steps=1_000,
    sample_grid=(5, 10),
)

FASHION_MNIST_DCGAN = Recipe(
    name="fashion-mnist-dcgan",
    title="Fashion-MNIST, convolutions",
    source="Convolutional GAN on Fashion-MNIST in the manner of Radford et al., 2015",
    generator={
        "kind": "dcgan",
        "latent_dim": 100,
        "widths": [128, 64],
        "start": 7,
        "channels": 1,
        "output": "sigmoid",
    },
    discriminator={"kind": "dcgan", "widths": [64, 128], "end": 7, "channels": 1},
    batch=128,
    learning_rate=2e-4,
    betas=(0.5, 0.999),
    epochs=20,
    sample_grid=(5, 10),
)

DEEPFASHION_DCGAN = Recipe(
    name="deepfashion-dcgan",
    title="DeepFashion",
    source="DCGAN on DeepFashion garments, after PyTorch's DCGAN tutorial (Radford et al., 2015)",
    generator={
        "kind": "dcgan",
        "latent_dim": 100,
        "widths": [512, 256, 128, 64],
        "start": 4,
        "channels": 3,
        "output": "tanh",
    },
    discriminator={"kind": "dcgan", "widths": [64, 128, 256, 512], "end": 4, "channels": 3},
    batch=128,
    learning_rate=2e-4,
    betas=(0.5, 0.999),
    epochs=40,
    seed=999,
    init="dcgan",
)

HANDBAGS_DCGAN = Recipe(
    name="handbags-dcgan",
    title="Handbags",
    source="DCGAN on 740 handbag photos (Radford et al., 2015); the code's rate of 0.0003, not"
    " the report's 0.003",
    generator={
        "kind": "dcgan",
        "latent_dim": 128,
        "widths": [512, 256, 128, 64],
        "start": 4,
        "channels": 3,
        "output": "tanh",
    },
    discriminator={
        "kind": "dcgan",
        "widths": [64, 128, 256, 512],
        "end": 4,
        "channels": 3,
        "norm_first": True,
    },
    batch=128,
    learning_rate=3e-4,
    betas=(0.5, 0.999),
    epochs=50,
)

TEXT_DCGAN = Recipe(
    name="text-dcgan",
    title="Words to garments",
    source="Text-conditioned DCGAN on 12,000 captioned garments, TF-IDF of 256 values (in the"
    " manner of Reed et al., 2016)",
    generator={
        "kind": "dcgan",
        "latent_dim": 100,
        "widths": [512, 256, 128, 64, 32],
        "start": 4,
        "channels": 3,
        "words": 256,
        "output": "tanh",
    },
    discriminator={
        "kind": "dcgan",
        "widths": [32, 64, 128, 256, 512],
        "end": 4,
        "channels": 3,
        "words": 256,
    },
    batch=64,
    learning_rate=2e-4,
    betas=(0.5, 0.999),
    steps=300_000,
    log_steps=1_000,
    init="dcgan",
)

PUBLISHED = (HANDBAGS_DCGAN, DEEPFASHION_DCGAN, FASHION_MNIST_DCGAN, FASHION_MNIST_MLP, TEXT_DCGAN)
