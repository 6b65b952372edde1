"""Where a training computes: one device, or several processes."""
