"""Kafka's libraries: Maven copies them once to build/kafka/, as the pom says."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from deploy.local.embedded import NotInstalled

HERE = Path(__file__).parent
POM = HERE / "pom.xml"
LIBRARIES = HERE.parents[2] / "build" / "kafka"
LEAST_JAVA = 17
FETCHING = 300.0
"""Seconds that Maven may take."""


def java() -> str:
    """The program. Raises `NotInstalled`."""
    program = shutil.which("java")
    if program is None:
        raise NotInstalled(f"Apache Kafka needs Java {LEAST_JAVA} or newer: there is no `java` on the PATH")
    told = subprocess.run([program, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603
    version = re.search(r'version "(\d+)', told)
    if version is None or int(version[1]) < LEAST_JAVA:
        raise NotInstalled(f"Apache Kafka needs Java {LEAST_JAVA} or newer, found: {told.partition(chr(10))[0] or program}")
    return program


def classpath() -> str:
    """For java's -cp. Fetches what is missing, which takes a minute. Raises `NotInstalled`."""
    if not _is_fetched():
        _fetch()
    return f"{HERE}:{LIBRARIES}/*"


def _is_fetched() -> bool:
    """The copy of the pom is the last file of a fetch."""
    copy = LIBRARIES / POM.name
    return copy.exists() and copy.read_bytes() == POM.read_bytes()


def _fetch() -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise NotInstalled("Apache Kafka is fetched by Maven: there is no `mvn` on the PATH")
    LIBRARIES.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=LIBRARIES.parent, prefix="kafka-") as directory:
        fetched = Path(directory) / "libraries"
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={fetched}"]
        argv = [maven, "--quiet", "--batch-mode", "--file", str(POM), *goal]
        try:
            done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=FETCHING)  # noqa: S603
        except subprocess.TimeoutExpired:
            raise NotInstalled(f"Apache Kafka was not fetched: Maven did not end within {FETCHING:.0f} s") from None
        if done.returncode != 0:
            told = next((line for line in done.stdout.splitlines() if line.startswith("[ERROR]")), done.stderr.strip())
            raise NotInstalled(f"Apache Kafka was not fetched: {told}")
        shutil.copy(POM, fetched)
        shutil.rmtree(LIBRARIES, ignore_errors=True)
        fetched.replace(LIBRARIES)
