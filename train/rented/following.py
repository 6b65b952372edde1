"""Following a run on rented hardware: its folder here shows what happens there.

The follower sends the run if nothing runs for it, brings home what is new, passes on what the page
asks, and says in words how it stands. Killing it loses nothing: the job doesn't need it, and the
next follower takes up where this one was.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from studio.errors import UserError
from train import recipes
from train.rented import hub, hub_jobs
from train.rented.hub import HubError, UnreachableError
from train.rented.hub_results import (
    ATTEMPT,
    CHANGEABLE,
    CHANGED,
    ENDS,
    PRECISION,
    PRECISIONS,
    Inbox,
    read_json,
)
from train.rented.rental import Rented, wish
from train.rented.sending import send
from train.runs.run import CHECKPOINT, STATE, Run
from train.runs.status import Status

POLL_SECONDS = 20.0
LISTEN_SECONDS = 0.5  # between looks at what the page asks
PATIENCE = 120.0  # seconds after which a second Stop ends the job without a save
TELL_SECONDS = 60.0  # between lines of progress for whoever watches the process

BUSY = ("preparing", "training", "finishing")
STARTING, LOOKING = "Starting.", "Looking for the rented machine."
NOT_SENT = "Stopped before it was sent."
MAYBE_SENT = (
    "Stopped while it was not known whether Hugging Face had started the job; the list of jobs in "
    "its settings tells."
)
SCHEDULED = "Waiting for a rented machine ({})."
GETTING_READY = "The rented machine is getting ready; this takes a few minutes."
ASKED_TO_STOP = "The rented machine was asked to stop; it saves first."
CANCELLING = "Giving the rented machine back."
CANCELLED = "The rented machine was given back before the training was finished."
BROKE_OFF = "The rented machine stopped before the training was finished ({})."
SAVED, NOT_SAVED = "Resume to go on from the last save.", "Nothing was saved; resume to start anew."
STILL_THERE = " The job itself may go on: {}"
NOTHING_SAID = "it gave no reason"

_Result = TypeVar("_Result")


class GivenUpError(Exception):
    """The person asked to stop before there was a job to ask."""


class Follower:
    """One process's following of one run; the caller holds the run's lock.

    Args:
        run: one that is to train on rented hardware.
        tell: gets a line now and then, for whoever watches the process.
    """

    def __init__(self, run: Run, tell: Callable[[str], None] = print) -> None:
        self.run, self.tell = run, tell
        self.api = hub.client()
        self.rented = Rented.of(run)
        self.asked: set[str] = set()
        self.begin_watching()

    def begin_watching(self) -> None:
        """Forget what concerns one job only."""
        self.stage = ""
        self.saw_it_run = False
        self.stop_asked: float | None = None
        self.stopping = ""  # what is said instead, once a stop is under way
        self.told = -float("inf")

    def follow(self) -> str:
        """Follow to the end, sending the run first where that is needed.

        Returns the state that the run is left in: "finished", "stopped" or "failed".

        Raises:
            UserError: it can't be sent or followed; the run's status says why.
        """
        # "waiting" would be for a device of this computer, and others would wait behind it.
        if self.run.status().state not in BUSY:
            self.say("preparing", LOOKING if self.rented.is_open else STARTING)
        try:
            if self.patiently(self.has_job):
                state = self.to_the_end()
                # What ended early while nobody looked is what resuming is to go on with.
                if self.saw_it_run or state == "finished":
                    return state
            self.patiently(self.send)
            return self.to_the_end()
        except GivenUpError:
            return self.end("stopped", MAYBE_SENT if self.rented.is_open else NOT_SENT, seen=False)
        except UserError as error:
            going = self.rented.is_open and self.rented.job
            more = STILL_THERE.format(self.rented.url) if going else ""
            self.end("failed", f"{error}{more}", seen=False)
            raise

    # Sending --------------------------------------------------------------------------------

    def has_job(self) -> bool:
        """Whether there is a job whose end nobody has seen."""
        return self.rented.is_open and hub_jobs.find(self.api, self.run, self.rented)

    def send(self) -> None:
        """Start a job, unless one did start and only its answer got lost."""
        self.begin_watching()
        if self.has_job():
            return
        send(self.api, self.run, self.rented, self.step)
        self.tell(f"The job is {self.rented.url}")

    def step(self, sentence: str) -> None:
        """Say what is done before there is a job; a person may still give up."""
        self.listen()
        if "stop" in self.asked:
            raise GivenUpError
        self.say("preparing", sentence)

    # Watching -------------------------------------------------------------------------------

    def to_the_end(self) -> str:
        """Watch the job until it ends; returns the state that the run is left in."""
        self.begin_watching()
        while not (state := self.patiently(self.look)):
            self.rest(POLL_SECONDS, until_asked=True)
        return state

    def look(self) -> str:
        """Look at the job once and bring home what is new; the final state, "" if it goes on."""
        self.stage, message = hub_jobs.stage(self.api, self.rented)
        over = self.stage in hub_jobs.OVER
        self.saw_it_run |= not over
        status = self.fetch(with_state=over)
        if status.state in ENDS:
            return self.handed_over(status if over else self.fetch(with_state=True))
        if over:
            return self.broke_off(message)
        self.pass_on()
        if status.state:
            self.say(status.state, self.stopping or status.sentence, status)
            self.tell_progress(status)
        elif self.stage == "RUNNING":
            self.say("preparing", self.stopping or GETTING_READY)
        else:
            self.say("preparing", self.stopping or SCHEDULED.format(wish(self.run).get("flavor")))
        return ""

    def fetch(self, *, with_state: bool) -> Status:
        """Bring home what is new; the status that this job wrote, empty if it wrote none yet."""
        status = self.inbox.fetch(with_state=with_state)
        if status.pop(ATTEMPT, "") != self.rented.attempt:
            return Status()
        self.take_over(status.pop(CHANGED, {}))
        status.pop("queued_at", None)  # over there nothing is in line
        return Status.from_dict(status)

    @property
    def inbox(self) -> Inbox:
        """Made when it is known where the results are."""
        if not hasattr(self, "_inbox"):
            self._inbox = Inbox(self.api, self.rented.result, self.run.folder)
        return self._inbox

    def take_over(self, changed: Any) -> None:
        """Keep what the training changed of its settings, and what people changed of its title."""
        self.run = Run.open(self.run.folder)
        # What is there may be anything, until it proves to be a recipe.
        with suppress(KeyError, TypeError, ValueError):
            new = {name: changed[name] for name in CHANGEABLE if name in changed}
            recipes.from_dict(new["recipe"])
            if new != {name: getattr(self.run.settings, name) for name in new}:
                self.run.change_settings(**new)
            precision, options = changed[PRECISION], self.run.settings.options
            if precision in PRECISIONS and precision != options.get(PRECISION):
                self.run.change_settings(options={**options, PRECISION: precision})
        title = read_json(self.run.folder / CHECKPOINT / "card.json").get("title", self.run.title)
        if title != self.run.title:
            self.run.rename(self.run.title)

    # Ends -----------------------------------------------------------------------------------

    def handed_over(self, status: Status) -> str:
        """The training came to an end of its own, and said which."""
        if status.state == "failed":
            self.tell_log()
        return self.end(status.state, status.sentence, status)

    def broke_off(self, message: str) -> str:
        """The job ended without such a word."""
        rest = SAVED if (self.run.folder / STATE).exists() else NOT_SAVED
        if self.stage == "CANCELED":
            return self.end("stopped", f"{CANCELLED} {rest}")
        self.tell_log()
        return self.end("failed", f"{BROKE_OFF.format(message.strip('. ') or NOTHING_SAID)} {rest}")

    def end(
        self,
        state: str,
        sentence: str,
        more: Status | None = None,
        *,
        seen: bool = True,
    ) -> str:
        """Leave the run in ``state``; ``seen`` tells that its job is over."""
        self.say(state, sentence, (more or Status()).changed(seconds_left=None))
        if seen:
            self.rented.ended = self.rented.attempt
            self.rented.save(self.run)
        return state

    # Talking --------------------------------------------------------------------------------

    def listen(self) -> None:
        """Take what the page asks for."""
        self.asked |= self.run.take_requests()

    def pass_on(self) -> None:
        """Pass on what the page asked."""
        self.listen()
        for each in sorted(self.asked):
            if each == "stop":
                self.stop()
            elif self.stage == "RUNNING":
                hub_jobs.ask(self.api, self.rented, each)
            self.asked.discard(each)

    def stop(self) -> None:
        """Have the training stop; where nothing trains yet or nobody hears, end the job itself."""
        now = time.monotonic()
        deaf = self.stop_asked is not None and now - self.stop_asked > PATIENCE
        if self.stage != "RUNNING" or deaf:
            hub_jobs.cancel(self.api, self.rented)
            self.stopping = CANCELLING
        elif self.stop_asked is None:
            hub_jobs.ask(self.api, self.rented, "stop")
            self.stop_asked, self.stopping = now, ASKED_TO_STOP

    def say(self, state: str, sentence: str, more: Status | None = None) -> None:
        """Tell how it stands, if that is not known already; ``more`` is what the machine said."""
        before = self.run.status()
        after = before.after(more or Status()).changed(state=state, sentence=sentence)
        if after != before:
            self.run.save_status(after)
        if (before.state, before.sentence) != (state, sentence):
            self.tell(sentence)

    def tell_progress(self, status: Status) -> None:
        """A line for people, now and then."""
        if time.monotonic() - self.told >= TELL_SECONDS and status.images_shown:
            self.told = time.monotonic()
            share = "" if status.share is None else f", {status.share:.0%}"
            self.tell(f"{status.images_shown} images shown{share}.")

    def tell_log(self) -> None:
        """What the job printed last."""
        with suppress(HubError):
            for line in hub_jobs.last_lines(self.api, self.rented):
                self.tell(line)

    # Waiting --------------------------------------------------------------------------------

    def patiently(self, attempt: Callable[[], _Result]) -> _Result:
        """What ``attempt`` returns, once there is a connection."""
        for pause in hub.pauses():
            try:
                return attempt()
            except UnreachableError as error:
                state = self.run.status().state
                state = state if state in BUSY else "preparing"
                self.say(state, f"{error}; trying again in {pause:.0f} seconds.")
            self.rest(pause)
            if "stop" in self.asked and not self.rented.job:
                raise GivenUpError
        raise AssertionError("pauses never end")

    def rest(self, seconds: float, *, until_asked: bool = False) -> None:
        """Wait, listening to the page."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(LISTEN_SECONDS, left))
            self.listen()
            if until_asked and self.asked:
                return
