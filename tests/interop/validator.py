"""HAPI's R4 validator, run on files by our small Java program; see `java/Validate.java`."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from servers import INTEROP, missing

Found = dict[str, list[dict[str, str]]]  # by file name: severity, location, message


def validator_command() -> list[str]:
    """The program; skips, in CI fails, where scripts/interop has not built it."""
    java, classpath = shutil.which("java"), INTEROP / "classpath"
    if java is None or not classpath.is_file():
        missing("HAPI's validator is not there: it needs Java, Maven and scripts/interop")
    path = f"{INTEROP / 'classes'}:{classpath.read_text(encoding='utf-8')}"
    return [str(java), "-XX:TieredStopAtLevel=1", "-cp", path, "Validate"]


def validate(files: Iterable[Path]) -> Found:
    """Messages by file name, of all files in one run."""
    done = subprocess.run(  # noqa: S603  our own program, with our own files
        [*validator_command(), *map(str, files)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return {Path(file).name: messages for file, messages in json.loads(done.stdout).items()}


def general(words: str) -> str:
    """A location or a message without what differs from one entry to the next: places in lists, ids."""
    words = re.sub(r"urn:uuid:[0-9a-f-]{36}", "urn:uuid:…", words)
    words = re.sub(r"(unknown and can't be validated: \S+) for '\S+'", r"\1", words)
    words = re.sub(r"/\*.*?\*/", "", words)
    return re.sub(r"\[\d+\]", "", words)
