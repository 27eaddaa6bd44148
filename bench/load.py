"""What loading a compose file costs: Seaway's loader beside Compose's own, cold processes, interleaved in one run.

    python bench/load.py [ROUNDS] [RECORD]

Each round starts both once for each size; processor time of the process and its peak memory, minimum and median.
Goals: 1,000 services in less than 1.0 s and 150 MB; `check` on ten services in 300 ms, `--help` in 150 ms.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import tempfile
from pathlib import Path

SIZES = (10, 100, 1_000, 3_000)
BIN = Path(sys.executable).parent
SEAWAY = [str(BIN / "python"), "-c", "import sys; from seaway.cli import run; run(sys.argv[1:])"]
COMMANDS = {
    "load": [
        str(BIN / "python"),
        "-c",
        "from pathlib import Path\nfrom seaway.app.load import load, select\nload(select(Path.cwd(), {}))",
    ],
    "compose": [str(BIN / "docker-compose"), "config", "--quiet"],
}
SERVICE = """  s{0}:
    <<: *common
    image: "registry.example/app-{0}:${{TAG:-1.{0}}}"
    command: ["serve", "--port", "80"]
    environment: {{NAME: s{0}, URL: "http://s{1}:80", LEVEL: "${{LEVEL:-info}}"}}
    ports: ["127.0.0.1:{2}:80"]
    volumes: ["./data/{0}:/data", "v{3}:/shared:ro"]
    {4}
    healthcheck: {{test: ["CMD", "true"], interval: 10s}}
    deploy: {{resources: {{limits: {{cpus: "0.5", memory: 256M}}}}}}
"""


def text(count: int) -> str:
    """Returns a compose file of services in chains of ten."""
    parts = ["x-common: &common {restart: unless-stopped, logging: {driver: json-file}}\nservices:\n"]
    for index in range(count):
        needs = f"depends_on: [s{index - 1}]" if index % 10 else 'labels: {first: "1"}'
        parts.append(SERVICE.format(index, (index + 1) % count, 10_000 + index, index % 50, needs))
    return "".join([*parts, "volumes: {", ", ".join(f"v{index}: {{}}" for index in range(50)), "}\n"])


def measure(command: list[str], folder: Path) -> tuple[float, float]:
    """Returns the processor seconds and the peak MB of a process that succeeds."""
    process = os.fork()
    if process == 0:
        os.chdir(folder)
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        os.execv(command[0], command)
    _, status, usage = os.wait4(process, 0)
    if status != 0:
        raise SystemExit(f"{command[0]} failed in {folder}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def summary(runs: list[tuple[float, float]]) -> dict[str, float]:
    """Returns least and middle seconds, and the largest MB."""
    seconds = [each[0] for each in runs]
    return {
        "least_s": round(min(seconds), 3),
        "median_s": round(statistics.median(seconds), 3),
        "mb": round(max(each[1] for each in runs)),
    }


def main(rounds: int, record: Path | None) -> None:
    """Measures, prints a table and writes what was measured."""
    found: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as root:
        for count in SIZES:
            folder = Path(root) / str(count)
            folder.mkdir()
            (folder / "compose.yaml").write_text(text(count))
        for _ in range(rounds):
            for count in SIZES:
                for name, command in COMMANDS.items():
                    found.setdefault(f"{name} {count}", []).append(measure(command, Path(root) / str(count)))
            for name in ("check", "config", "--help"):
                found.setdefault(f"seaway {name}", []).append(measure([*SEAWAY, name], Path(root) / "10"))
    rows = {name: summary(runs) for name, runs in found.items()}
    for name, row in rows.items():
        print(f"{name:16} {row['least_s']:8.3f} s least {row['median_s']:8.3f} s median {row['mb']:6.0f} MB")
    if record is not None:
        machine = f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.0f}"
        record.write_text(json.dumps({"machine": machine, "rounds": rounds, **rows}, indent=2) + "\n")


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 3,
        Path(sys.argv[2]) if len(sys.argv) > 2 else None,
    )
