"""Photos as designs: a photo's code and style."""
