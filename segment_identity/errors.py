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
    """Raised by a destination that cannot take this batch now and should be asked again."""
