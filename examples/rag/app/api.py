"""The api: a question in, the three nearest places of the standard library out.

Ready once the index of this version's own encoder lies in the volume; until then 503, so nobody is sent here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.encoder import Encoder
from app.index import Index
from app.settings import Settings, load
from seaway_sdk import JsonFormatter, Observe

LONGEST_QUESTION = 2_000
log = logging.getLogger("rag.api")


class Searcher:
    """An encoder and, once it is there, the index that belongs to it."""

    def __init__(self, settings: Settings) -> None:
        self.encoder = Encoder(settings)
        self.name = self.encoder.fingerprint
        self.index: Index | None = None
        self._file = settings.index / f"{self.name}.npz"

    async def wait(self) -> None:
        """Loads the index as soon as the worker has put it there."""
        while not self._file.exists():
            await asyncio.sleep(0.2)
        self.index = Index.read(self._file)
        log.info("index loaded", extra={"index": self.name, "texts": len(self.index.titles)})

    def ask(self, index: Index, question: str) -> dict[str, object]:
        """Answers one question with titles, passages and what it took."""
        began = time.perf_counter()
        found = index.search(self.encoder.encode([question])[0])
        return {
            "titles": [index.titles[at] for at in found],
            "passages": [index.texts[at] for at in found],
            "index": self.name,
            "milliseconds": round((time.perf_counter() - began) * 1000, 3),
        }


@contextlib.asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Loads the encoder before the port opens, and the index when it comes."""
    app.state.searcher = Searcher(load())
    waiting = asyncio.create_task(app.state.searcher.wait())
    yield
    waiting.cancel()


async def ask(request: Request) -> Response:
    """Answers POST /ask {"question": …}; the model runs here, not in a thread: it takes a few milliseconds."""
    searcher: Searcher = request.app.state.searcher
    if searcher.index is None:
        return JSONResponse({"error": "the index is not there yet"}, 503)
    try:
        question = (await request.json())["question"]
    except (ValueError, KeyError, TypeError):
        question = None
    if not isinstance(question, str) or not 0 < len(question) <= LONGEST_QUESTION:
        return JSONResponse({"error": 'send {"question": "…"} of at most 2000 characters'}, 422)
    return JSONResponse(searcher.ask(searcher.index, question))


async def ready(request: Request) -> Response:
    """Answers 200 once questions can be answered."""
    loaded = request.app.state.searcher.index is not None
    return JSONResponse({"ready": loaded}, 200 if loaded else 503)


def _log_as_json() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])


_log_as_json()
app = Starlette(
    routes=[Route("/ask", ask, methods=["POST"]), Route("/ready", ready)],
    middleware=[Middleware(Observe, ignore=["/ready"])],
    lifespan=lifespan,
)
