"""What the process of a run does: read, train, look, save, recover."""
