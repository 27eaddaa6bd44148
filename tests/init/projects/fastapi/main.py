"""An API that greets."""

import os

from fastapi import FastAPI

app = FastAPI()


@app.get("/healthz")
def healthz() -> dict[str, bool]:
    return {"ok": True}


@app.get("/")
def greet() -> dict[str, str]:
    return {"says": os.environ.get("GREETING", "hi")}
