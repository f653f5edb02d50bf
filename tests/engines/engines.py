"""Engines that can say who is who, each as a warehouse of one's own would be driven."""

import importlib
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import sqlalchemy as sa
from warehouse.server import Server, missing

from segment_identity.facts import Facts
from segment_identity.warehouse.resolving import Engine

TABLES: Final = {
    "profile_ids": ("type", "value", "first_moment"),
    "profile_links": ("anonymous_id", "user_id", "first_moment", "last_moment"),
    "profile_aliases": ("previous_id", "user_id", "first_moment", "last_moment"),
}
Row = tuple[Any, ...]


class Filled(Engine, Protocol):
    """An engine that can be filled and read, too."""

    def fill(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[str | None]]) -> None:
        """Make a table of texts."""

    def rows(self, select: str) -> list[Row]:
        """Return what *select* finds."""

    def close(self) -> None:
        """Let go of it."""


def fill(engine: Filled, told: Facts) -> None:
    """Give *engine* the facts."""
    rows: dict[str, Sequence[Sequence[str]]] = {
        "profile_ids": [(*each, when) for each, when in told.ids.items()],
        "profile_links": [(*each, *span) for each, span in told.links.items()],
        "profile_aliases": [(*each, *span) for each, span in told.aliases.items()],
    }
    for name, columns in TABLES.items():
        engine.fill(name, columns, rows[name])


class Alchemy:
    """SQLite, or what else SQLAlchemy has open."""

    def __init__(self, engine: sa.Engine, dialect: str) -> None:
        self.dialect = dialect
        self._engine = engine
        self._connection = engine.connect()

    def fill(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[str | None]]) -> None:
        text = sa.Text(collation="C") if self.dialect == "postgres" else sa.Text()
        table = sa.Table(name, sa.MetaData(), *(sa.Column(each, text) for each in columns))
        self._connection.execute(sa.schema.DropTable(table, if_exists=True))
        self._connection.execute(sa.schema.CreateTable(table))
        records = [dict(zip(columns, row, strict=True)) for row in rows]
        if records:
            self._connection.execute(sa.insert(table), records)

    def keep(self, name: str, select: str, /) -> None:
        self._connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name}")
        self._connection.exec_driver_sql(f"CREATE TABLE {name} AS {select}")

    def number(self, select: str, /) -> int:
        return int(self.rows(select)[0][0])

    def rows(self, select: str) -> list[Row]:
        return [tuple(row) for row in self._connection.exec_driver_sql(select)]

    def close(self) -> None:
        self._connection.rollback()
        self._connection.close()
        self._engine.dispose()


class DuckDb:
    """DuckDB in memory."""

    dialect = "duckdb"

    def __init__(self, duckdb: Any) -> None:
        self._connection = duckdb.connect()

    def fill(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[str | None]]) -> None:
        fields = ", ".join(f"{each} TEXT" for each in columns)
        self._connection.execute(f"CREATE OR REPLACE TABLE {name} ({fields})")
        records = [dict(zip(columns, row, strict=True)) for row in rows]
        if records:
            struct = f"STRUCT({', '.join(f'{each} VARCHAR' for each in columns)})"
            unnested = f"unnest(CAST(? AS {struct}[]), recursive := true)"
            self._connection.execute(f"INSERT INTO {name} SELECT {unnested}", [records])

    def keep(self, name: str, select: str, /) -> None:
        self._connection.execute(f"CREATE OR REPLACE TABLE {name} AS {select}")

    def number(self, select: str, /) -> int:
        return int(self.rows(select)[0][0])

    def rows(self, select: str) -> list[Row]:
        return [tuple(row) for row in self._connection.execute(select).fetchall()]

    def close(self) -> None:
        self._connection.close()


class ClickHouse:
    """ClickHouse inside this process (chDB)."""

    dialect = "clickhouse"

    def __init__(self, chdb: Any) -> None:
        self._session = chdb.Session()
        self.run("CREATE DATABASE IF NOT EXISTS tested ENGINE = Atomic")
        self.run("USE tested")

    def run(self, sql: str) -> str:
        return str(self._session.query(sql, "JSONCompact"))

    def fill(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[str | None]]) -> None:
        fields = ", ".join(
            f"{each} Nullable(String)" if name == "profile_calls" else f"{each} String"
            for each in columns
        )
        self.run(f"DROP TABLE IF EXISTS {name}")
        self.run(f"CREATE TABLE {name} ({fields}) ENGINE = Memory")
        lines = [json.dumps(row) for row in rows]
        if lines:
            self.run(f"INSERT INTO {name} FORMAT JSONCompactEachRow {' '.join(lines)}")

    def keep(self, name: str, select: str, /) -> None:
        self.run(f"DROP TABLE IF EXISTS {name}")
        self.run(f"CREATE TABLE {name} ENGINE = Memory AS {select}")

    def number(self, select: str, /) -> int:
        return int(self.rows(select)[0][0])

    def rows(self, select: str) -> list[Row]:
        return [tuple(row) for row in json.loads(self.run(select))["data"]]

    def close(self) -> None:
        self._session.close()


class Spark:
    """Spark with two threads."""

    dialect = "spark"

    def __init__(self, sql: Any, folder: Path) -> None:
        self._spark = (
            sql.SparkSession.builder.master("local[2]")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "4")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.sql.warehouse.dir", str(folder))
            .getOrCreate()
        )

    def fill(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[str | None]]) -> None:
        schema = ", ".join(f"{each} STRING" for each in columns)
        frame = self._spark.createDataFrame([tuple(row) for row in rows], schema)
        frame.localCheckpoint().createOrReplaceTempView(name)

    def keep(self, name: str, select: str, /) -> None:
        self._spark.sql(select).localCheckpoint().createOrReplaceTempView(name)

    def number(self, select: str, /) -> int:
        return int(self.rows(select)[0][0])

    def rows(self, select: str) -> list[Row]:
        return [tuple(row) for row in self._spark.sql(select).collect()]

    def close(self) -> None:
        self._spark.stop()


def installed(module: str) -> Any:
    """Return *module*, or None where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


def sqlite(_: Path) -> Filled:
    return Alchemy(sa.create_engine("sqlite://"), "sqlite")


class Postgres(Alchemy):
    """A PostgreSQL server of its own."""

    def __init__(self) -> None:
        self._server = Server()
        self._server.start()
        url = self._server.create().replace("postgresql://", "postgresql+psycopg://")
        super().__init__(sa.create_engine(url), "postgres")

    def close(self) -> None:
        super().close()
        self._server.stop()
        self._server.remove()


def postgres(_: Path) -> Filled | None:
    return None if missing() else Postgres()


def duckdb(_: Path) -> Filled | None:
    module = installed("duckdb")
    return DuckDb(module) if module else None


def clickhouse(_: Path) -> Filled | None:
    module = installed("chdb.session")
    return ClickHouse(module) if module else None


def spark(folder: Path) -> Filled | None:
    module = installed("pyspark.sql")
    return Spark(module, folder) if module else None


ENGINES: Final[dict[str, Callable[[Path], Filled | None]]] = {
    "sqlite": sqlite,
    "postgres": postgres,
    "duckdb": duckdb,
    "clickhouse": clickhouse,
    "spark": spark,
}
