"""Looking at what a training draws: how far it is from the photos, and whether it is healthy."""
