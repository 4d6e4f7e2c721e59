"""The server under examination, as the checks see it."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from modelberth.conformance.model import Model
from modelberth.conformance.outcome import NotChecked, NotOffered, Outcome, UnreachableError
from modelberth.conformance.target import Target
from modelberth.conformance.tensors import Tensor, TensorSpec
from modelberth.conformance.web import Answer, Web

__all__ = ["Call", "Subject"]

_LIVE: Final = ("/health/live", "/v2/health/live", "/livez", "/healthz")
_READY: Final = ("/health/ready", "/v2/health/ready", "/readyz", "/ping")
_OK: Final = 200
_NOT_FOUND: Final = 404


@dataclass(frozen=True)
class Call:
    """A prediction that the server answers."""

    path: str
    body: dict[str, Any]


class Subject:
    """A server, what it serves, and where."""

    def __init__(self, target: Target, web: Web, found: Model | None) -> None:
        self.target = target
        self.web = web
        self._found = found

    @property
    def model(self) -> Model:
        """The model; NotChecked where its name is not known."""
        if self._found is None:
            raise NotChecked("the server does not tell the name of a model: give --model")
        return self._found

    @property
    def rows(self) -> list[Any]:
        """Rows to predict; NotChecked where none are known."""
        rows = self._found.rows if self._found else self.target.rows
        if not rows:
            raise NotChecked("the server does not describe what it takes: give --row or --input")
        return rows

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """A tensor for each input of the model; NotChecked where the inputs are not described."""
        if not self.model.tensors:
            raise NotChecked(f"GET /v2/models/{self.model.name} does not describe the inputs")
        return self.model.tensors

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """The model's outputs; NotChecked where they are not described."""
        if not self.model.outputs:
            raise NotChecked(f"GET /v2/models/{self.model.name} does not describe the outputs")
        return self.model.outputs

    @functools.cached_property
    def prediction(self) -> Call:
        """Some prediction, in whichever form the server answers one; for checks of what is around it."""
        failed = None
        for call in self._calls():
            answer = self.web.post(call.path, call.body)
            if answer.status == _OK:
                return call
            if answer.status == 429 or (answer.status >= 500 and answer.status != 501):
                failed = answer
        if failed is not None:
            raise failed.unlike("200")
        raise NotChecked("no prediction was answered with 200: give --model and --row")

    def live(self) -> str:
        """Return the path of the liveness probe."""
        return self._probe(_LIVE)

    def ready(self) -> str:
        """Return the path of the readiness probe."""
        return self._probe(_READY)

    def admin(self, ask: Callable[[Web], Answer]) -> Answer:
        """Ask where metrics are: the URL that was named for them, or the server itself."""
        if self.target.admin is None:
            return ask(self.web)
        try:
            with Web(replace(self.target, url=self.target.admin)) as web:
                return ask(web)
        except UnreachableError as error:
            raise NotChecked(f"{self.target.admin}: {error}") from None

    def offers_post(self, path: str, value: Any) -> Answer:
        """Send a prediction; NotOffered where the path takes no POST."""
        answer = self.web.post(path, value)
        if answer.status in (_NOT_FOUND, 405, 501) or (answer.status >= 400 and self._unrouted(path)):
            raise NotOffered(f"POST {path}: {answer.status}")
        return answer

    def _unrouted(self, path: str) -> bool:
        """Tell a path that is there and refuses from one that is not: servers answer that with 400 too."""
        return self.web.get(path).status not in (405, 401, 403)

    def _calls(self) -> list[Call]:
        calls = []
        model = self._found
        rows = model.rows if model else self.target.rows
        if rows:
            calls.append(Call("/predict", {"instances": rows}))
        if model and model.tensors:
            inputs = [tensor.member(data=list(tensor.values)) for tensor in model.tensors]
            calls.append(Call(f"/v2/models/{model.name}/infer", {"inputs": inputs}))
        if model and rows:
            calls.append(Call(f"/v1/models/{model.name}:predict", {"instances": rows}))
        if rows and self.target.predict_route:
            calls.append(Call(self.target.predict_route, {"instances": rows}))
        return calls

    def _probe(self, paths: tuple[str, ...]) -> str:
        for path in paths:
            try:
                if self.web.get(path).status not in (_NOT_FOUND, 405, 400):
                    return path
            except Outcome:
                continue
        raise NotOffered(f"none of {', '.join(paths)} is there")
