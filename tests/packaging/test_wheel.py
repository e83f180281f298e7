"""The built wheel: whole, the same by way of the sdist, and serving the same pages by itself."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
KEPT_WHEELS = Path(sys.prefix) / "wheels"  # by scripts/bootstrap, checked against the hashes of the lock
FOLDERS = ("smart_app", "questionnaires")
PATIENT, CLINICIAN = "anna-woman", "dr-osei"


def build(kind: str, source: Path, target: Path) -> Path:
    """The one file that a build of that kind makes."""
    command = [
        sys.executable,
        "-m",
        "build",
        f"--{kind}",
        "--no-isolation",
        "--outdir",
        str(target),
        str(source),
    ]
    subprocess.run(command, check=True, capture_output=True)
    (made,) = target.iterdir()
    return made


def contents(wheel: Path) -> dict[str, bytes]:
    """Every file of the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def tracked(folder: Path) -> dict[str, bytes]:
    """Every file of a folder of the checkout, without what Python and editors leave there."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files if path.name[0] != "."}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_wheel_has_the_data_folders_of_the_checkout(wheel: Path, folder: str) -> None:
    prefix = f"ipvscreen/{folder}/"
    packed = {
        name.removeprefix(prefix): body for name, body in contents(wheel).items() if name.startswith(prefix)
    }

    assert packed == tracked(ROOT / folder) != {}


def test_the_wheel_has_the_package_of_the_checkout_and_its_licence(wheel: Path) -> None:
    packed = contents(wheel)
    data = tuple(f"ipvscreen/{folder}/" for folder in FOLDERS)
    package = {
        name.removeprefix("ipvscreen/"): body
        for name, body in packed.items()
        if name.startswith("ipvscreen/") and not name.startswith(data)
    }

    assert package == tracked(ROOT / "src" / "ipvscreen")
    for name in ("LICENSE", "NOTICE"):
        (licence,) = (body for path, body in packed.items() if path.endswith(f".dist-info/licenses/{name}"))
        assert licence == (ROOT / name).read_bytes() != b""


def test_a_wheel_from_the_sdist_is_the_same(wheel: Path, tmp_path: Path) -> None:
    sdist = build("sdist", ROOT, tmp_path / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()

    assert contents(build("wheel", source, tmp_path / "wheel")) == contents(wheel)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command in an environment that holds the wheel and what its metadata asks for, nothing else."""
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder / "venv")
    python, pins, report = folder / "venv" / "bin" / "python", folder / "pins.txt", folder / "report.json"
    pins.write_text(
        "\n".join(re.findall(r"^[A-Za-z0-9._-]+==[^\s\\]+", LOCK, re.MULTILINE)), encoding="utf-8"
    )
    source = ["--no-index", "--find-links", str(KEPT_WHEELS)] if KEPT_WHEELS.is_dir() else []
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "--disable-pip-version-check",
        "install",
        "-q",
        "--no-compile",  # what is imported is compiled then: a third of it
    ]
    subprocess.run([*pip, *source, "-c", str(pins), "--report", str(report), str(wheel)], check=True)
    for item in json.loads(report.read_text(encoding="utf-8"))["install"]:
        sha256 = item["download_info"]["archive_info"]["hashes"]["sha256"]
        assert item["is_direct"] or f"sha256:{sha256}" in LOCK, item["metadata"]["name"]
    return python.with_name("ipvscreen")


@contextmanager
def sandbox(command: Path, folder: Path) -> Iterator[dict[str, str]]:
    """The sandbox on free ports, started in that folder without our variables; its addresses."""
    variables = {
        name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "TMPDIR", "LANG"}
    }
    ports = ["--port-app=0", "--port-ehr=0", "--port-service=0"]
    process = subprocess.Popen(
        [command, "sandbox", "--json", *ports], cwd=folder, env=variables, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            assert process.stdout
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


class Visitor:
    """Goes where redirects lead and keeps cookies, the Secure ones too, as browsers do on loopback."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._cookies: dict[str, str] = {}

    def go(self, url: str, form: dict[str, str] | None = None) -> httpx.Response:
        """The page at the end."""
        origin = str(httpx.URL(url).copy_with(raw_path=b"/")).rstrip("/")
        answer = self._send("GET" if form is None else "POST", url, data=form, origin=origin)
        while answer.is_redirect:
            answer = self._send("GET", str(answer.url.join(answer.headers["location"])))
        assert answer.status_code == httpx.codes.OK, answer.text
        return answer

    def submit(self, page: httpx.Response, **fields: str) -> httpx.Response:
        """Send the page's form with these fields."""
        (token,) = set(re.findall(r'name="token" value="([^"]+)"', page.text))
        return self.go(str(page.url), {"token": token, **fields})

    def _send(
        self, method: str, url: str, *, data: dict[str, str] | None = None, origin: str = ""
    ) -> httpx.Response:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        headers |= {"Origin": origin} if origin else {}
        answer = self._http.request(method, url, data=data, headers=headers)
        for line in answer.headers.get_list("set-cookie"):
            name, value = line.split(";")[0].split("=", 1)
            self._cookies[name] = value
        return answer


def pages(command: Path, folder: Path) -> dict[str, str]:
    """What a clinician gets to see up to the first yes, and the static files; ids and tokens masked."""
    with sandbox(command, folder) as addresses, httpx.Client(timeout=20) as http:
        visitor = Visitor(http)
        start = visitor.go(f"{addresses['launch']}?patient={PATIENT}&clinician={CLINICIAN}")
        questions = visitor.submit(start, door="ask", setting="gp")
        respond = visitor.submit(questions, **{"76500-8": "LA33-6", "recording": "full"})
        linked = sorted(set(re.findall(r'(?:src|href)="(/s/[^"]+)"', start.text)))
        shown = {
            str(page.url.path).rsplit("/", 1)[-1]: masked(page.text) for page in (start, questions, respond)
        }
        return shown | {path: http.get(f"{addresses['app']}{path}").text for path in linked}


def masked(html: str) -> str:
    """The page without what is random in it, or tells the time."""
    html = re.sub(r"/v/[\w-]+/", "/v/VISIT/", html)
    html = re.sub(r'data-left="\d+"', 'data-left="LEFT"', html)
    html = re.sub(r"ends at \d\d:\d\d", "ends at TIME", html)
    return re.sub(r'(name="token" value=)"[^"]+"', r'\1"TOKEN"', html)


def test_the_installed_wheel_serves_the_same_pages(installed: Path, tmp_path: Path) -> None:
    ours = shutil.which("ipvscreen", path=Path(sys.executable).parent)
    assert ours

    from_wheel = pages(installed, tmp_path)

    assert {"start", "questions", "respond", "/s/page.css", "/s/page.js"} <= from_wheel.keys()
    assert from_wheel == pages(Path(ours), tmp_path)
    assert list(tmp_path.iterdir()) == [], "the sandbox left something in the folder it was started in"
