"""Section `tracking` of an experiment file: where runs are recorded as well."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import field_validator

from pipeline.core.params import Params


class TrackingParams(Params):
    """Section `tracking` of an experiment; no stage depends on it.

    Args:
        mlflow: address of an MLflow tracking server, such as
            `http://127.0.0.1:5000`; every stage that runs is recorded there. A server
            that does not answer within 5 seconds is a warning.
    """

    mlflow: str | None = None

    @field_validator("mlflow")
    @classmethod
    def _address(cls, mlflow: str | None) -> str | None:
        if mlflow is None:
            return None
        parts = urlsplit(mlflow)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be http://HOST:PORT or https://HOST:PORT")
        return mlflow
