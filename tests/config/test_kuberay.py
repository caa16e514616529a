"""What docs/scaling-out.md shows for Ray clusters is what KubeRay, Ray Serve and we would take."""

import ast
from typing import Any

import pytest
import yaml

from tests.doc_blocks import blocks
from tests.running import ROOT

SHOWN = [yaml.safe_load(block.code) for block in blocks("yaml shown") if "scaling" in block.page]
SERVICE: dict[str, Any] = next(one for one in SHOWN if one.get("kind") == "RayService")
OURS: dict[str, Any] = next(one for one in SHOWN if "applications" in one)
THEIRS: dict[str, Any] = yaml.safe_load(SERVICE["spec"]["serveConfigV2"])
DEPLOYMENT = ROOT / "inference/engines/rayserve/deployment.py"


def function(name: str) -> ast.FunctionDef:
    tree = ast.parse(DEPLOYMENT.read_text())
    return next(
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name
    )


def test_our_application_is_named_and_asked_as_it_is() -> None:
    (one,) = OURS["applications"]
    module, _, name = one["import_path"].partition(":")
    assert ROOT / f"{module.replace('.', '/')}.py" == DEPLOYMENT
    assert len(function(name).args.args) == 1, "as Ray Serve asks of what builds an application"
    arguments = function("build").args
    known = {argument.arg for argument in (*arguments.args, *arguments.kwonlyargs)}
    assert one["args"].keys() <= known
    assert one["route_prefix"] is None, "nobody reaches it by HTTP"


def test_the_service_has_what_the_operator_knows() -> None:
    """The names are those of the definition `rayservices.ray.io`, version v1."""
    assert SERVICE.keys() == {"apiVersion", "kind", "metadata", "spec"}
    assert SERVICE["apiVersion"] == "ray.io/v1"
    assert SERVICE["spec"].keys() == {"serveConfigV2", "rayClusterConfig"}
    cluster = SERVICE["spec"]["rayClusterConfig"]
    assert cluster.keys() == {"headGroupSpec", "workerGroupSpecs"}
    assert cluster["headGroupSpec"].keys() == {"rayStartParams", "template"}
    (workers,) = cluster["workerGroupSpecs"]
    counts = {"replicas", "minReplicas", "maxReplicas"}
    assert workers.keys() == {"groupName", "rayStartParams", "template", *counts}
    for group in (cluster["headGroupSpec"], workers):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        (container,) = group["template"]["spec"]["containers"]
        assert container.keys() <= {"name", "image", "ports", "resources"}
        assert all(isinstance(value, str) for value in container["resources"]["limits"].values())


def test_each_replica_finds_the_cards_that_it_needs() -> None:
    (theirs,) = THEIRS["applications"][0]["args"]["llm_configs"]
    (workers,) = SERVICE["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    (container,) = workers["template"]["spec"]["containers"]
    cards = int(container["resources"]["limits"]["nvidia.com/gpu"])
    assert theirs["engine_kwargs"]["tensor_parallel_size"] <= cards
    scale = theirs["deployment_config"]["autoscaling_config"]
    assert workers["maxReplicas"] == scale["max_replicas"]


def test_the_row_names_the_service_and_the_model_as_they_are_called() -> None:
    page = (ROOT / "docs/scaling-out.md").read_text()
    name = SERVICE["metadata"]["name"]
    (theirs,) = THEIRS["applications"][0]["args"]["llm_configs"]
    model = theirs["model_loading_config"]["model_id"]
    assert f"--remote http://{name}-serve-svc:8000/v1 --remote-model {model} " in page


@pytest.mark.parametrize("config", [OURS, THEIRS], ids=["ours", "theirs"])
def test_ray_serve_reads_its_part(config: dict[str, Any]) -> None:
    schema = pytest.importorskip("ray.serve.schema", reason="the extra `ray` is not installed")
    read = schema.ServeDeploySchema.model_validate(config)
    assert [one.import_path for one in read.applications] == [
        one["import_path"] for one in config["applications"]
    ]
