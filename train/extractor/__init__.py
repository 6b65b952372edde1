"""A small feature network that is learnt from photos at hand, to measure with.

Generators here learn by what one ImageNet network sees, and are measured by another: the two have a
taste in common. This one starts from nothing and never sees ImageNet, so where it agrees with them,
a result does not hang on that taste. It is for measuring only; nothing is trained by it.
"""
