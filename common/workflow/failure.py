"""What has to be put in order when the run of an engine fails."""

from __future__ import annotations

from collections.abc import Callable

from ignite.engine import Engine, Events

__all__ = ["after_failure"]


def after_failure(engine: Engine, act: Callable[[], object]) -> None:
    """Does something when an exception ends an engine's run, which then raises it as ever.

    Ignite raises an exception by itself only where nobody listens to it, and who listens and raises keeps the others
    from hearing of it. Here all are heard before it is raised.

    Args:
        engine: whose run may fail.
        act: called without arguments; twice where a step failed, of which Ignite tells as a step and as the run.

    Example:
        >>> def step(engine, batch):
        ...     raise RuntimeError("no memory is left")
        >>> engine, opened = Engine(step), ["a file"]
        >>> after_failure(engine, opened.clear)
        >>> try:
        ...     engine.run([0])
        ... except RuntimeError as error:
        ...     print(error, opened)
        no memory is left []
    """
    if engine.has_event_handler(_raise, Events.EXCEPTION_RAISED):
        engine.remove_event_handler(_raise, Events.EXCEPTION_RAISED)

    def acted(error: BaseException) -> None:
        act()

    engine.add_event_handler(Events.EXCEPTION_RAISED, acted)
    engine.add_event_handler(Events.EXCEPTION_RAISED, _raise)  # the last one


def _raise(error: BaseException) -> None:
    raise error
