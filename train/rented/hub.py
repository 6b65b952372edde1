"""Talking to Hugging Face: its client, what goes wrong with it in words, and patience.

Nothing here or above it imports torch. Facts about the client are those of huggingface_hub 1.16 to
2.4: it moved from httpx to httpx2 in between, so errors are told apart by its own classes.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from studio.errors import UserError

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

_Result = TypeVar("_Result")

FIRST_PAUSE, LONGEST_PAUSE = 5.0, 300.0  # seconds between tries without a connection

NO_TOKEN = (
    "There is no Hugging Face token on this computer. Log in with `hf auth login`, or set HF_TOKEN."
)
REJECTED = "Hugging Face does not accept the token. Log in again with `hf auth login`."
NO_CREDIT = (
    "The Hugging Face account has no credit left for rented machines. Add some under Billing in "
    "its settings, then resume."
)
NOT_ALLOWED = (
    "The Hugging Face token may not do this. It needs to be allowed to write repositories and to "
    "run jobs."
)
GONE = "Hugging Face no longer has what this run needs; its repositories or its job were deleted."
OFFLINE = "Hugging Face is switched off on this computer (HF_HUB_OFFLINE is set)."
NO_CONNECTION = "No connection to Hugging Face"
NO_ROOM = "There is no room left on the disk for what the rented machine sends. Make some, then "
NO_ROOM += "resume."


class HubError(UserError):
    """Something that Hugging Face won't do; the message says why, for a person.

    ``status`` is the HTTP status it answered with, if it answered.
    """

    def __init__(self, sentence: str, status: int | None = None) -> None:
        super().__init__(sentence)
        self.status = status


class UnreachableError(HubError):
    """Something that may well work later. The message has no full stop, to be continued."""


def client() -> HfApi:
    """The client, with the token of whoever is logged in."""
    import huggingface_hub
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()  # they are for people at a terminal, and most of this is read later
    return huggingface_hub.HfApi()


def token() -> str:
    """The token of whoever is logged in.

    Raises:
        HubError: nobody is.
    """
    import huggingface_hub

    found = huggingface_hub.get_token()
    if not found:
        raise HubError(NO_TOKEN)
    return found


@contextmanager
def in_words() -> Iterator[None]:
    """Whatever the client raises inside the ``with`` block becomes a :class:`HubError`."""
    from huggingface_hub.errors import HTTPError

    try:
        yield
    except UserError:
        raise
    # RuntimeError is what the Xet part of the client raises when a transfer fails.
    except (HTTPError, OSError, RuntimeError, ValueError) as error:
        raise explain(error) from error


def explain(error: BaseException) -> HubError:
    """What the client raised, as a sentence for a person."""
    from huggingface_hub import errors

    # Downloading wraps the reason why a file was not found.
    if isinstance(error, errors.LocalEntryNotFoundError):
        return explain(error.__cause__) if error.__cause__ else UnreachableError(NO_CONNECTION)
    if isinstance(error, errors.LocalTokenNotFoundError):
        return HubError(NO_TOKEN)
    if isinstance(error, errors.OfflineModeIsEnabled):
        return HubError(OFFLINE)
    if isinstance(error, errors.HfHubHTTPError):
        return _of_response(error)
    if isinstance(error, errors.HTTPError | ConnectionError | TimeoutError):
        return UnreachableError(NO_CONNECTION)
    if isinstance(error, OSError):
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return HubError(NO_ROOM)
        return HubError(f"A file could not be sent or received: {error}.")
    if isinstance(error, RuntimeError):
        return UnreachableError(f"Sending to or from Hugging Face failed ({_first_line(error)})")
    return HubError(f"Hugging Face can't take this: {_first_line(error)}.")


def _of_response(error: HfHubHTTPError) -> HubError:
    status = error.response.status_code
    said = (error.server_message or "").strip().rstrip(".")
    known = {401: REJECTED, 402: NO_CREDIT, 404: GONE}
    if status in known:
        return HubError(known[status], status)
    if status == 403:
        return HubError(f"{NOT_ALLOWED} It says: {said}." if said else NOT_ALLOWED, status)
    # 409 and 412: somebody else changed the repository at the same moment.
    if status in (408, 409, 412, 425, 429) or status >= 500:
        what = "asks for a pause" if status == 429 else "is out of order"
        return UnreachableError(f"Hugging Face {what} at the moment ({status})", status)
    return HubError(f"Hugging Face refuses this: {said or _first_line(error)}.", status)


def _first_line(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].rstrip(".")


def pauses() -> Iterator[float]:
    """Seconds to wait after the first try, the second and so on: longer each time."""
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 2, LONGEST_PAUSE)


def patiently(attempt: Callable[[], _Result], seconds: float) -> _Result:
    """What ``attempt`` returns, tried for so long while there is no connection.

    Raises:
        HubError: it does not work.
    """
    end = time.monotonic() + seconds
    for pause in pauses():
        try:
            return attempt()
        except UnreachableError as error:
            print(f"{error}.", flush=True)
            if time.monotonic() + pause > end:
                raise
        time.sleep(pause)
    raise AssertionError("pauses never end")
