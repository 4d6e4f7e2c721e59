"""Callers who never retry see no failed request while the endpoint is changed under them."""

import threading

import httpx
import pytest

from support.project import SETOSA, Project, iris

pytestmark = pytest.mark.engine


def test_an_update_under_load(project: Project) -> None:
    url = project.up()["iris"]["url"]
    revisions = {project.process()["revision"]}
    stop = threading.Event()
    failures: list[str] = []
    answered = [0, 0]

    def call(caller: int, *, keep_alive: bool) -> None:
        limits = httpx.Limits(max_keepalive_connections=1 if keep_alive else 0)
        with httpx.Client(base_url=url, limits=limits, trust_env=False) as client:
            while not stop.is_set():
                try:
                    answer = client.post("/predict", json={"input": SETOSA})
                except httpx.HTTPError as error:
                    failures.append(repr(error))
                    continue
                if answer.status_code != 200 or answer.json()["predictions"] != ["setosa"]:
                    failures.append(answer.text)
                answered[caller] += 1

    callers = [threading.Thread(target=call, args=(i,), kwargs={"keep_alive": bool(i)}) for i in range(2)]
    for caller in callers:
        caller.start()
    try:
        for change in ({"limits": {"max_body": "2Mi"}}, {"scaling": {"min": 2, "max": 2}}, {}):
            project.configure(iris(**change))
            project.up()
            revisions.add(project.process()["revision"])
    finally:
        stop.set()
        for caller in callers:
            caller.join(30)

    assert failures == []
    assert len(revisions) == 3  # the last change goes back to the first revision
    assert min(answered) > 500
