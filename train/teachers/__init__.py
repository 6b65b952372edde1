"""What a generator learns from."""
