"""What the ledger's tables have in common: how their constraints are called, and what numbers their rows."""

from sqlalchemy import BigInteger, Integer, MetaData

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite gives automatic row numbers to INTEGER keys only.
Number = BigInteger().with_variant(Integer, "sqlite")
