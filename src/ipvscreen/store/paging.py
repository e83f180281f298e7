"""Rows of a long answer, a page at a time, so that neither the driver nor the database holds all of them."""

from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import Column, RowMapping, Select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

PAGE = 100


async def paged(
    connection: AsyncConnection, query: Select[Any], *order: Column[Any]
) -> AsyncIterator[RowMapping]:
    """The rows of `query` in the order of these columns, which together name each row and are among its own.

    Asked for anew after the last row of each page: a cursor that the server keeps would have to be closed by
    whoever stops in between.
    """
    page = query.order_by(*order).limit(PAGE)
    rows = (await connection.execute(page)).mappings().all()
    while rows:
        for row in rows:
            yield row
        last = tuple_(*(rows[-1][column.name] for column in order))
        rows = (await connection.execute(page.where(tuple_(*order) > last))).mappings().all()
