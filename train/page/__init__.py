"""What the training page asks for: :mod:`train.page.service`, and what answers it."""
