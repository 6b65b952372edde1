"""Training on rented hardware: :mod:`train.rented.rental.hf_jobs` lists the modules."""
