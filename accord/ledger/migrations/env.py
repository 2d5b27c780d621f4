"""How Alembic meets the ledger: on the connection that `accord.ledger.upgrade` hands over."""

from alembic import context

from accord.ledger.schema import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
