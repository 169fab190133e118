"""The real kfp reads the pipeline that the workbench has written, and compiles the same from its own language.

Run by ``make test-kfp`` in an environment of its own: kfp pins what the workbench needs otherwise.
"""

import json
import sys
import tempfile
from pathlib import Path

import yaml
from google.protobuf import json_format
from kfp import compiler, components, dsl
from kfp.pipeline_spec import pipeline_spec_pb2

FOLDER = Path(__file__).parent


def read() -> dict[str, object]:
    """The committed specification, held against kfp's protobuf types; a field that they do not know raises."""
    text = (FOLDER / "pipeline.json").read_text()
    message = json_format.ParseDict(json.loads(text), pipeline_spec_pb2.PipelineSpec())
    component = components.load_component_from_text(yaml.safe_dump(json.loads(text)))
    assert component.pipeline_spec == message
    return json_format.MessageToDict(message)


def compiled(spec: dict[str, object]) -> dict[str, object]:
    """What kfp itself makes of the same containers."""
    executors = spec["deploymentSpec"]["executors"]  # type: ignore[index]
    # In the order in which they were written: a protobuf map has none.
    tasks = json.loads((FOLDER / "pipeline.json").read_text())["root"]["dag"]["tasks"]

    def container(name: str) -> object:
        wanted = executors[f"exec-{name}"]["container"]

        def component() -> dsl.ContainerSpec:
            return dsl.ContainerSpec(image=wanted["image"], command=wanted["command"], args=wanted["args"])

        component.__name__ = name
        return dsl.container_component(component)

    @dsl.pipeline(name=spec["pipelineInfo"]["name"])  # type: ignore[index]
    def whole():  # type: ignore[no-untyped-def] # kfp takes what stands here for the pipeline's output
        made: dict[str, object] = {}
        for name, task in tasks.items():
            made[name] = container(name)().after(*(made[before] for before in task.get("dependentTasks", ())))  # type: ignore[operator]
            made[name].set_caching_options(False)  # type: ignore[attr-defined]
            wanted = executors[f"exec-{name}"]["container"]
            for one in wanted.get("env", ()):
                made[name].set_env_variable(one["name"], one["value"])  # type: ignore[attr-defined]
            if "resources" in wanted:
                accelerator = wanted["resources"]["accelerator"]
                made[name].set_accelerator_type(accelerator["type"])  # type: ignore[attr-defined]
                made[name].set_accelerator_limit(int(accelerator["count"]))  # type: ignore[attr-defined]

    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "pipeline.json"
        compiler.Compiler().compile(whole, str(path))
        return json.loads(path.read_text())  # type: ignore[no-any-return]


def main() -> int:
    """Compare; 1 if they differ."""
    ours = read()
    theirs = compiled(ours)
    status = 0
    for part in ("components", "deploymentSpec", "pipelineInfo", "root", "schemaVersion"):
        if ours[part] != theirs[part]:
            print(f"{part} differs:\n  ours   {json.dumps(ours[part])}\n  kfp's  {json.dumps(theirs[part])}")
            status = 1
    print("kfp has read the pipeline, and compiles the same" if status == 0 else "not the same")
    return status


if __name__ == "__main__":
    sys.exit(main())
