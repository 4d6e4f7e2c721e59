"""From a machine with a distribution's packages to a prediction from a pod, and back."""

from __future__ import annotations

import json
import os
import platform
import shlex
import shutil
import time
from typing import TYPE_CHECKING

from bootstrap import set_up
from cache import exclusive
from cluster import binaries, packages
from cluster.life import Cluster, lacking
from console import SetupError, say
from onprem import foreground, image
from onprem.prediction import BODY, Endpoint, Kubectl
from onprem.site import Site

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from checkout import Checkout

__all__ = ["down", "up"]

_STEP = "onprem"
_NODES = 2  # the stack's two replicas go to different ones
_IMAGE = "localhost/modelberth-server"


def up(checkout: Checkout, environ: Mapping[str, str]) -> None:
    """Do what is not done yet, and print a prediction from a pod and what to do next.

    Raises SetupError at the first step that fails; the same call goes on from there.
    """
    started = time.monotonic()
    _require_root("onprem")
    # sudo's PATH, and that of many a person, lacks the half for root.
    environ = {**environ, "PATH": packages.search_path(environ)}
    set_up(checkout, environ)
    with exclusive(_lock(checkout), _STEP):
        _up(checkout, environ)
    say(_STEP, f"done in {time.monotonic() - started:.0f} s")


def down(checkout: Checkout, environ: Mapping[str, str]) -> None:
    """End the cluster with everything in it, and forget the stack's state, which is of nothing else.

    Raises SetupError where there is a cluster and the programs that end it are not there.
    """
    site = Site.of(checkout)
    if not site.folder.exists():
        say(_STEP, "there is nothing to remove")
        return
    _require_root("onprem-down")
    with exclusive(_lock(checkout), _STEP):
        _remove(site, checkout, environ)
    say(_STEP, f"removed; {checkout.state / 'cluster' / 'image'} and {checkout.cache} stay for the next time")


def _up(checkout: Checkout, environ: Mapping[str, str]) -> None:
    if lacking(checkout, environ):
        say(_STEP, "1 of 4: packages, and Kubernetes from its Go module: 20 to 35 minutes on 2 cores, once")
    packages.install(environ)
    binaries.build(checkout, environ)
    if not image.is_current(checkout):
        say(_STEP, "2 of 4: the serving image: 1 to 3 minutes, again only when its sources change")
    archive = image.build(checkout, environ)
    site = Site.of(checkout)
    cluster = _cluster(site, checkout, environ)
    reference = cluster.load(archive, _IMAGE)
    say(_STEP, f"every node has {reference}")
    say(_STEP, "4 of 4: the stack, until its pods are ready: half a minute to a minute")
    _deploy(checkout, cluster, reference, environ)
    (contract,) = json.loads(site.endpoints.read_text()).values()
    _predict(Endpoint.of(contract), cluster, environ)


def _lock(checkout: Checkout) -> Path:
    return checkout.state / "onprem.lock"


def _require_root(target: str) -> None:
    if platform.system() != "Linux":
        raise SetupError(f"a node needs Linux, this is {platform.system()}: run it in a virtual machine")
    if os.geteuid():
        raise SetupError(f"nodes and their pods take root: run `sudo make {target}`")


def _cluster(site: Site, checkout: Checkout, environ: Mapping[str, str]) -> Cluster:
    """Return the site's cluster; one that does not run goes, with the state of its objects."""
    running = Cluster.find(site.cluster, checkout, environ)
    if running and running.is_ready():
        say(_STEP, f"the cluster in {site.cluster} runs")
        return running
    if site.folder.exists():
        _remove(site, checkout, environ)
    say(_STEP, f"3 of 4: a cluster of {_NODES} nodes: about 20 seconds")
    return Cluster.up(site.cluster, checkout, environ, nodes=_NODES)


def _remove(site: Site, checkout: Checkout, environ: Mapping[str, str]) -> None:
    if site.cluster.exists() and not binaries.find(checkout):
        raise SetupError(
            f"what ends the cluster in {site.cluster} is missing: run `make cluster-tools` first"
        )
    cluster = Cluster.find(site.cluster, checkout, environ)
    if cluster:
        cluster.down()
    shutil.rmtree(site.folder)


def _deploy(checkout: Checkout, cluster: Cluster, reference: str, environ: Mapping[str, str]) -> None:
    tools = checkout.root / "tools"
    command: list[str | Path] = [checkout.python, tools / "environment.py", "--"]
    command += ["python", tools / "onprem" / "deploy.py"]
    command += ["--kubeconfig", cluster.kubeconfig, "--image", reference]
    status = foreground.run(command, environ, checkout.root)
    if status:
        raise SetupError(
            f"the stack is not deployed (code {status}), see above. The cluster runs on: `make onprem` tries"
            f" again, `make onprem-down` removes it, and this shows it:\n  {_reach(cluster)}"
        )


def _predict(endpoint: Endpoint, cluster: Cluster, environ: Mapping[str, str]) -> None:
    kubectl = Kubectl(cluster.programs["kubectl"], cluster.kubeconfig, environ)
    predictions = endpoint.predict(kubectl)
    names = f"--namespace {endpoint.namespace}"
    key = ""
    if endpoint.auth == "api_key":
        read = f"kubectl {names} get secret {endpoint.secret} --output 'go-template={{{{.data.key}}}}'"
        key = f' -H "{endpoint.key_header}: $({read} | base64 --decode)"'
    row = json.loads(BODY)["input"]
    print(f"\n{endpoint.name} predicts {json.dumps(predictions)} for {json.dumps(row)}")
    print(f"  pods   {', '.join(endpoint.pods(kubectl))}")
    print(f"  shell  {_reach(cluster)}")
    print(f"  look   kubectl {names} get all")
    json_header = "-H 'content-type: application/json'"
    print(f"  call   curl -s {endpoint.url(kubectl)} {json_header}{key} -d '{BODY}'")
    print("  end    make onprem-down\n")


def _reach(cluster: Cluster) -> str:
    """Return the line that lets a shell reach the cluster."""
    kubeconfig, folder = shlex.quote(str(cluster.kubeconfig)), shlex.quote(str(cluster.programs.folder))
    return f"export KUBECONFIG={kubeconfig} PATH={folder}:$PATH"
