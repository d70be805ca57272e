"""What the families of methods share: a database, and nothing else."""

from tokenward.store.sql.database import Database


class Family:
    """One part of the port over a database. Each family is whole by itself; none calls another."""

    def __init__(self, database: Database) -> None:
        self._database = database
