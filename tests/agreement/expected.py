"""Who the visitor must be, said in a page: a model that knows nothing of cookies and markers."""

from dataclasses import dataclass, field


@dataclass
class Expected:
    """The identity that both sides must hold; *device* None stands for a new id."""

    device: str | None = None
    user: str | None = None
    # The server itself said who it is, and nobody contradicted it since.
    trusted: bool = False
    ids: set[str] = field(default_factory=set)

    def server_identifies(self, user: str) -> None:
        """The server names somebody."""
        if self.user not in (None, user):
            self.device = None
        self.user, self.trusted = user, True

    def server_resets(self) -> None:
        """The server forgets the person; of nobody there is nothing to forget."""
        if self.user is not None:
            self.become_new()

    def page_identifies(self, user: str) -> None:
        """Analytics.js names somebody, which is a claim unless the server said so before."""
        if self.user not in (None, user):
            self.device = None
        if user != self.user:
            self.user, self.trusted = user, False

    def page_resets(self) -> None:
        """Analytics.js forgets everything."""
        self.become_new()

    def page_sets_device(self, device: str) -> None:
        """Analytics.js takes another anonymousId, and nobody proved that the person came along."""
        if device != self.device:
            self.device, self.trusted = device, False
            self.ids.discard(device)

    def loses_cookies(self) -> None:
        """The cookies go that scripts can see, which the server must take for a reset."""
        self.trusted = False

    def loses_cookies_and_storage(self) -> None:
        """What is left says only that there was a reset."""
        self.become_new()

    def loses_cookies_by_age(self) -> None:
        """Cookies of scripts last a week; both memories know better."""

    def loses_cookies_by_age_and_storage(self) -> None:
        """Only the server's memory is left, in which there are no claims."""
        if not self.trusted:
            self.user = None

    def loses_everything(self) -> None:
        """Nothing is left."""
        self.become_new()

    def become_new(self) -> None:
        """Nobody knows this visitor."""
        self.device, self.user, self.trusted = None, None, False

    def differences(self, device: str, user: str | None, trusted: str | None) -> list[str]:
        """Compare with what a side says; an id that had to be new is the one from now on."""
        found = []
        if self.device is None:
            if device in self.ids:
                found.append(f"the anonymousId had to be new, and is {device} again")
            self.device = device
            self.ids.add(device)
        elif device != self.device:
            found.append(f"the anonymousId had to be {self.device}, and is {device}")
        if user != self.user:
            found.append(f"the user had to be {self.user}, and is {user}")
        if trusted != (self.user if self.trusted else None):
            found.append(f"the server trusts {trusted}; trusted: {self.trusted}")
        return found
