"""Alembic's entry: runs the migrations on the connection that `schema.upgrade` hands over."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    render_as_batch=True,  # SQLite cannot alter a column in place
    transactional_ddl=True,  # true of SQLite too, as the engine begins its transactions itself
)
with context.begin_transaction():
    context.run_migrations()
