"""Where a run can be trained: here, on a GPU that is lent in slices, or on rented hardware."""
