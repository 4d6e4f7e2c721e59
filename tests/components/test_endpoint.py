"""What the components register: types, names, parents, options, inputs, outputs."""

import pulumi
import pytest

from modelberth import LocalEndpoint, LocalEndpointArgs, ModelEndpoint, ModelEndpointArgs, Provider
from modelberth.arguments import asked
from modelberth.contract import VERSION, EndpointContract
from modelberth.spec import EndpointDeployment, parse
from support.recording import Recorder, run

CONFIG = {"name": "iris", "model": {"uri": "file:models/iris/model.onnx"}, "target": {"kind": "local"}}


def test_a_model_endpoint_is_the_targets_own_component(recorder: Recorder) -> None:
    run(recorder, lambda: ModelEndpoint("iris", ModelEndpointArgs.parse(CONFIG)))
    assert recorder.tree == [
        ("modelberth:index:ModelEndpoint", "iris", "shop-dev"),
        ("modelberth:index:LocalEndpoint", "iris-local", "iris"),
        ("modelberth:local:Process", "iris-local-process", "iris-local"),
    ]


def test_a_component_registers_what_was_asked_for_and_its_outputs_once(recorder: Recorder) -> None:
    run(recorder, lambda: ModelEndpoint("iris", ModelEndpointArgs.parse(CONFIG)))
    components = [r for r in recorder.resources if r.type.startswith("modelberth:index:")]
    assert len(components) == 2
    assert components[0].inputs["spec"]["model"]["uri"] == CONFIG["model"]["uri"]
    assert components[0].inputs["target"]["kind"] == "local"
    assert components[1].inputs == {}, "what stands around it has said it"
    contracts = [outputs["contract"] for outputs in recorder.outputs.values() if "contract" in outputs]
    assert len(contracts) == 2
    for contract in contracts:
        assert contract["contract_version"] == VERSION
        assert contract["url"] == "http://127.0.0.1:20000"


def test_the_address_of_a_webhook_is_not_in_what_was_asked_for() -> None:
    config = {
        **CONFIG,
        "monitoring": {
            "alerts": {"notify": ["mailto:a@example.com", "https://u:p@hooks.example.com/secret"]}
        },
    }
    read = parse(EndpointDeployment, config)
    recorded = asked(read.spec, read.target)["spec"]
    mail, webhook = recorded["monitoring"]["alerts"]["notify"]
    assert mail == "mailto:a@example.com"
    assert webhook.startswith("https://hooks.example.com/… (")
    assert [part for part in ("secret", "u:p") if part in str(recorded)] == []
    other = parse(
        EndpointDeployment, {**config, "monitoring": {"alerts": {"notify": ["https://hooks.example.com/x"]}}}
    )
    assert asked(other.spec, other.target)["spec"]["monitoring"]["alerts"]["notify"][0] != webhook


def test_the_process_is_told_what_the_spec_says(recorder: Recorder) -> None:
    config = {
        **CONFIG,
        "model": {"uri": "file:a%20model.onnx", "sha256": "AB" * 32, "version": "7"},
        "limits": {"max_body": "2Mi", "timeout": "1500ms", "concurrency": 7, "startup_timeout": "2m"},
        "scaling": {"min": 3, "max": 3},
        "runtime": {"threads": 2, "batching": {"max_size": 8, "max_delay": "2ms"}},
        "target": {"kind": "local", "port": 8080, "drain": "3s"},
    }
    run(recorder, lambda: ModelEndpoint("iris", ModelEndpointArgs.parse(config)))
    assert recorder.named("iris-local-process").inputs == {
        "name": "shop-dev-iris",
        "model": "a model.onnx",
        "modelSha256": "ab" * 32,
        "environment": {
            "MODELBERTH_MODEL_NAME": "iris",
            "MODELBERTH_MODEL_VERSION": "7",
            "MODELBERTH_MAX_BODY_BYTES": str(2 * 2**20),
            "MODELBERTH_TIMEOUT_SECONDS": "1.5",
            "MODELBERTH_MAX_CONCURRENCY": "7",
            "MODELBERTH_THREADS": "2",
            "MODELBERTH_MAX_BATCH_SIZE": "8",
            "MODELBERTH_BATCH_DELAY_MS": "2",
        },
        "port": 8080,
        "replicas": 3,
        "startupTimeout": 120,
        "drainTimeout": 3,
    }


def test_providers_reach_the_process(recorder: Recorder) -> None:
    def program() -> None:
        provider = Provider("local", root="/models")
        ModelEndpoint("iris", ModelEndpointArgs.parse(CONFIG), pulumi.ResourceOptions(providers=[provider]))

    run(recorder, program)
    assert "::local::" in recorder.named("iris").providers["modelberth"]


@pytest.mark.parametrize("protect", [True, False])
def test_protect_protects_the_process(recorder: Recorder, protect: bool) -> None:
    run(recorder, lambda: LocalEndpoint("iris", LocalEndpointArgs.parse({**CONFIG, "protect": protect})))
    assert recorder.named("iris-process").protect is protect


def test_the_options_of_a_component_do_not_leak_into_its_children(recorder: Recorder) -> None:
    def program() -> None:
        options = pulumi.ResourceOptions(aliases=[pulumi.Alias(name="old")], depends_on=[Provider("local")])
        LocalEndpoint("iris", LocalEndpointArgs.parse(CONFIG), options)

    run(recorder, program)
    assert recorder.named("iris-process").providers == {}


def test_a_refused_argument_ends_the_program_without_a_traceback() -> None:
    with pytest.raises(pulumi.RunError, match=r"scaling\.max: given 0"):
        ModelEndpointArgs.parse({**CONFIG, "scaling": {"max": 0}})
    with pytest.raises(pulumi.RunError, match=r"resources\.gpu"):
        LocalEndpointArgs.parse({**CONFIG, "resources": {"gpu": {"kind": "nvidia-l4"}}})
    with pytest.raises(pulumi.RunError, match=r"target\.kind"):
        LocalEndpointArgs.parse({**CONFIG, "target": {"kind": "moon"}})


def test_another_target_is_refused_before_anything_is_registered(recorder: Recorder) -> None:
    args = ModelEndpointArgs.parse(
        {
            **CONFIG,
            "target": {
                "kind": "azure_ml",
                "resource_group": "models",
                "location": "westeurope",
            },
        }
    )
    with pytest.raises(pulumi.RunError, match=r"target\.kind: given 'azure_ml', allowed: local, lambda, "):
        run(recorder, lambda: ModelEndpoint("iris", args))
    assert [r.type for r in recorder.resources if not r.type.endswith(("Stack", ":ModelEndpoint"))] == []


def test_a_namespace_is_nothing_to_a_target_without_one(recorder: Recorder) -> None:
    def program() -> None:
        made = Provider("local")
        args = ModelEndpointArgs.parse(CONFIG)
        ModelEndpoint("iris", ModelEndpointArgs(args.spec, args.target, "endpoints[0]", made))

    with pytest.raises(
        pulumi.RunError, match=r"namespace: given a resource, allowed: nothing on target `local`"
    ):
        run(recorder, program)


def test_the_contract_in_its_plain_form() -> None:
    contract = EndpointContract(
        name="iris",
        target="local",
        url="http://127.0.0.1:1",
        auth="loopback",
        region="local",
        model_name="iris",
        model_version="1",
        max_body_bytes=1,
        timeout_seconds=1,
    )
    assert contract.to_dict() == {
        "contract_version": 1,
        "name": "iris",
        "target": "local",
        "url": "http://127.0.0.1:1",
        "predict_path": "/predict",
        "health_path": "/health/ready",
        "auth": "loopback",
        "auth_header": None,
        "predict_headers": {},
        "invoker_identity": None,
        "region": "local",
        "model_name": "iris",
        "model_version": "1",
        "model_sha256": None,
        "revision": None,
        "image_digest": None,
        "max_body_bytes": 1,
        "timeout_seconds": 1,
        "logs": None,
        "dashboard": None,
    }
