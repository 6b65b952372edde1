"""The errors that people see."""

from __future__ import annotations


class UserError(ValueError):
    """Something that can't be done; the message is a sentence that says what and why, for a person.

    Pages show it as it is, and shells print it and end with status 1.
    """
