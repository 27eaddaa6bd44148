from pathlib import Path

from fastapi import FastAPI

app = FastAPI()
SIZE = sum(path.stat().st_size for path in Path("/opt/models/weights").rglob("*") if path.is_file())


@app.get("/health")
def health() -> dict[str, int]:
    return {"bytes": SIZE}
