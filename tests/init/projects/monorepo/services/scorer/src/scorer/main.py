from fastapi import FastAPI

app = FastAPI()


@app.get("/readyz")
def readyz() -> dict[str, bool]:
    return {"ready": True}
