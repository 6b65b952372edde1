"""Training on rented hardware: :mod:`train.rented.hf_jobs` lists the modules."""
