"""The server goes and comes back while someone works."""

from __future__ import annotations

from serving import Server
from visiting import FIRST_SLIDER, SAVES_DATA, Visitor


def test_the_server_is_restarted_in_the_middle_of_a_drag(visitor: Visitor, server: Server) -> None:
    """On the same port, as the others' server: it runs again when this ends, whatever happens."""
    visitor.context.add_init_script(SAVES_DATA)  # so that the studio draws, not the page
    visitor.reload()
    visitor.keep()
    kept = visitor.design()
    visitor.all_drawn()
    visitor.watch.allow("net::ERR_")  # whatever was under way
    error = visitor.find(".at-explore .at-error")
    try:
        with visitor.hold(FIRST_SLIDER) as move:
            move(0.6)
            visitor.drawn()
            server.stop()
            move(0.8)
            error.get_by_text("The studio does not answer.").wait_for()
        # What needs no server still works.
        visitor.find(".at-undo").click()
        visitor.drawn()
        assert error.is_hidden()
        visitor.find(".at-surprise").click()
        error.wait_for()
        visitor.find(".at-download").click()
        visitor.notice("The studio does not answer.")
    finally:
        server.stop()
        server.start().wait()
    with visitor.hold(FIRST_SLIDER) as move:
        move(0.7)
        error.wait_for(state="hidden")
    visitor.drawn()
    visitor.reload()
    visitor.find(".at-shelf .at-thumb").wait_for()
    assert visitor.thumbs(".at-shelf") == [kept]
