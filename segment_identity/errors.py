"""What this package raises, and whose fault each is."""


class SegmentIdentityError(Exception):
    """Root of everything this package raises on purpose."""


class InvalidCall(SegmentIdentityError, ValueError):
    """A verb was called with something it cannot take; the caller's code is wrong."""


class ConfigurationError(SegmentIdentityError, ValueError):
    """An option cannot work; raised when the middleware or `Analytics` is built."""


class UnknownOption(ConfigurationError, TypeError):
    """An option is misspelt or missing."""


class NotInstalled(SegmentIdentityError, LookupError):
    """The connection carries no identity, because the middleware is not in front of it."""


class MissingExtra(SegmentIdentityError, ImportError):
    """A destination needs a package that is not installed."""


class Undeliverable(SegmentIdentityError):
    """Raised by a destination that will never take this batch, however often it is tried."""


class Unavailable(SegmentIdentityError):
    """Raised by a destination that cannot take this batch now and should be asked again.

    *retry_after* is the number of seconds the other side wants to be left alone, if it said so.
    """

    # Of a subclass, too, whose own __init__ does not call this one.
    retry_after: float | None = None

    def __init__(self, *arguments: object, retry_after: float | None = None) -> None:
        super().__init__(*arguments)
        self.retry_after = retry_after


class Unauthorized(Unavailable):
    """Raised by a destination whose other side does not accept us: a person must mend that.

    Nothing is dropped meanwhile, and the other side is asked only now and then.
    """
