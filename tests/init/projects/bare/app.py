from flask import Flask


def create_app() -> Flask:
    app = Flask(__name__)

    @app.route("/healthz")
    def healthz() -> str:
        return "ok"

    return app


if __name__ == "__main__":
    create_app().run(port=18112)
