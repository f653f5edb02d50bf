"""The shop's customers: one SQLite table, and passwords that are never kept readable."""

import hashlib
import hmac
import secrets
import uuid
from dataclasses import dataclass

from sqlalchemy import Column, Engine, MetaData, Row, String, Table, insert, select, update
from sqlalchemy.exc import IntegrityError

_metadata = MetaData()
# The warehouse keeps its own `users` and `accounts` in the same file, hence the other name.
_customers = Table(
    "customers",
    _metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("email", String, nullable=False, unique=True),
    Column("room", String, nullable=False, default=""),
    Column("password", String, nullable=False),
)


class EmailTaken(Exception):
    """Somebody else has that e-mail address."""


@dataclass(frozen=True, slots=True)
class Customer:
    """One registered person; *id* never changes, whatever else does."""

    id: str
    name: str
    email: str
    room: str


class Accounts:
    """Create, check and change customers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def prepare(self) -> None:
        """Create the table if this database is new."""
        _metadata.create_all(self._engine)

    def create(self, name: str, email: str, password: str) -> Customer:
        """Register a customer under a new UUID."""
        customer = Customer(str(uuid.uuid4()), name, email, room="")
        row = {
            "id": customer.id,
            "name": customer.name,
            "email": customer.email,
            "password": _hash(password, secrets.token_bytes(16)),
        }
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(_customers).values(row))
        except IntegrityError as error:
            raise EmailTaken from error
        return customer

    def check(self, email: str, password: str) -> Customer | None:
        """Return the customer whose e-mail and password these are."""
        with self._engine.connect() as connection:
            query = select(_customers).where(_customers.c.email == email)
            row = connection.execute(query).one_or_none()
        # An unknown e-mail takes as long as a wrong password, so timing tells nobody who is here.
        known = row.password if row else _NOBODY
        salt = bytes.fromhex(known.partition("$")[0])
        matches = hmac.compare_digest(_hash(password, salt), known)
        return _customer(row) if row and matches else None

    def get(self, customer_id: str) -> Customer | None:
        """Return the customer of that id."""
        with self._engine.connect() as connection:
            query = select(_customers).where(_customers.c.id == customer_id)
            row = connection.execute(query).one_or_none()
        return _customer(row) if row else None

    def change(self, customer: Customer) -> None:
        """Store a customer's new name, e-mail and room."""
        changed = {"name": customer.name, "email": customer.email, "room": customer.room}
        query = update(_customers).where(_customers.c.id == customer.id).values(changed)
        try:
            with self._engine.begin() as connection:
                connection.execute(query)
        except IntegrityError as error:
            raise EmailTaken from error


def _customer(row: Row[tuple[str, ...]]) -> Customer:
    return Customer(row.id, row.name, row.email, row.room)


def _hash(password: str, salt: bytes) -> str:
    digest = hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)
    return f"{salt.hex()}${digest.hex()}"


_NOBODY = _hash(secrets.token_hex(), secrets.token_bytes(16))
