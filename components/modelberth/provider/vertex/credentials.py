"""Tokens for Google's APIs, from Google's own library.

It looks for what `gcloud auth application-default login` left, a service account's key, a workload identity
federation or the metadata server, in the order of google.aip.dev/auth/4110.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from modelberth.provider.resource import ResourceError

__all__ = ["Token", "application_default"]

Token = Callable[[], str]
"""Gives an access token that is valid now; raises `ResourceError` where there is none."""

_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
_LOGIN: Final = "gcloud auth application-default login"


def application_default() -> Token:
    """Find the credentials of whoever runs this; a token is asked for at its first use and kept.

    Raises:
        ResourceError: there are none, or google-auth is not installed.
    """
    auth, errors, requests = (
        _library(f"google.auth{of}") for of in ("", ".exceptions", ".transport.requests")
    )
    try:
        credentials: Any = auth.default(scopes=[_SCOPE])[0]
    except errors.GoogleAuthError as error:
        raise ResourceError(f"Google Cloud: no credentials: {_said(error)}. Log in: {_LOGIN}") from error
    lock = threading.Lock()

    def token() -> str:
        with lock:  # the engine asks for several resources at once
            if not credentials.valid:
                try:
                    credentials.refresh(requests.Request())
                except errors.GoogleAuthError as error:
                    told = (
                        f"Google Cloud: the credentials give no token: {_said(error)}. Log in again: {_LOGIN}"
                    )
                    raise ResourceError(told) from error
            return str(credentials.token)

    return token


def _said(error: Exception) -> str:
    return str(error).rstrip(".")


def _library(module: str) -> Any:
    """A module of google-auth, which is optional."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ResourceError(
            "google-auth: not installed, and Vertex AI is reached with its tokens. "
            "Install it: pip install 'modelberth[gcp]'"
        ) from error
