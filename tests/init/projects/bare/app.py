from flask import Flask


def create_app() -> Flask:
    app = Flask(__name__)

    @app.route("/healthz")
    def healthz() -> str:
        return "ok"

    return app
