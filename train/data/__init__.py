"""Photos on their way to a training: found, read, checked and made into squares."""
