"""The app in a process that can be killed: a parent forks it anew whenever it dies, as a supervisor would.

Arguments: folder (with ipvscreen.toml), port, seconds of a lease. `folder/pid` holds the process that serves.
`folder/point` names a point at which it kills itself, once. Modules are read once, before the fork, so that a
start takes no time; whatever lives in a running app is made after it.
"""

import asyncio
import os
import signal
import socket
import sys
from datetime import timedelta
from pathlib import Path

import uvicorn

from ipvscreen.app import create_app, import_services
from ipvscreen.cli.reading import settings
from ipvscreen.ehr.points import Point
from ipvscreen.sandbox.directory import services_bundle


def main(folder: Path, port: int, lease: float) -> None:
    os.chdir(folder)
    wanted = folder / "point"

    def reached(point: Point) -> None:
        if wanted.exists() and wanted.read_text(encoding="ascii") == point:
            wanted.unlink()
            os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(import_services(settings(), services_bundle("https://service.test/fhir")))
    create_app(settings())  # what a process only reads is read by then, too
    listening = socket.create_server(("127.0.0.1", port), backlog=512)
    while True:
        child = os.fork()
        if child == 0:
            app = create_app(settings(), lease=timedelta(seconds=lease), reached=reached)
            config = uvicorn.Config(app, access_log=False, log_level="warning")
            uvicorn.Server(config).run(sockets=[listening])
            os._exit(0)
        (folder / "pid.new").write_text(str(child), encoding="ascii")
        (folder / "pid.new").replace(folder / "pid")
        _, status = os.waitpid(child, 0)
        with (folder / "ends").open("a", encoding="ascii") as ends:
            ends.write(f"{os.waitstatus_to_exitcode(status)}\n")
        if not os.WIFSIGNALED(status):
            sys.exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
