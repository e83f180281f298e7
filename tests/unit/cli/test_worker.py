"""What a worker does before it takes its first request."""

import gc
from collections.abc import Iterator
from multiprocessing import Pipe

import pytest
import uvicorn
from fastapi import FastAPI

from ipvscreen.cli.serve import listening
from ipvscreen.cli.worker import Worker


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    gc.unfreeze()
    yield
    gc.unfreeze()


async def test_what_it_stands_on_is_not_looked_through_while_it_serves() -> None:
    app, (ours, theirs) = FastAPI(), Pipe()
    worker = Worker(uvicorn.Config(app, log_config=None), app, theirs, drain=0)
    with listening("127.0.0.1", 0) as sock:
        worker.config.load()
        worker.lifespan = worker.config.lifespan_class(worker.config)
        before = gc.get_freeze_count()
        await worker.startup([sock])
        frozen, left = gc.get_freeze_count(), len(gc.get_objects())
        worker.should_exit = True
        await worker.shutdown([sock])

    assert before == 0
    assert ours.poll(), "it serves"
    assert frozen > 100 * left
