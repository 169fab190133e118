from __future__ import annotations

import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from workbench.errors import DataError, ModelError, WorkbenchError
from workbench.learning.language import BaseModel
from workbench.learning.language.chat import TEMPLATE, encode, prompt_tokens


def test_a_missing_model_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ModelError) as caught:
        BaseModel.find("owner/name", tmp_path / "owner" / "name")
    text = str(caught.value)
    for part in ("'owner/name'", "local cache", f"copy the model's folder to {tmp_path}", "`hf download owner/name`"):
        assert part in text
    assert "tune.model.allow_download: true" in text
    with pytest.raises(ModelError, match="is not on this machine"):
        BaseModel.find("models/../x y", tmp_path / "x")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """A hub on this machine that has nothing, and writes down what it is asked for."""
    asked: list[str] = []

    class Nothing(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Nothing)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
    monkeypatch.setattr("huggingface_hub.hf_api.api.endpoint", address)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    yield asked
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_hub_is_asked_only_with_permission(hub: list[str], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not on this machine"):
        BaseModel.find("owner/name", tmp_path / "x")
    assert hub == []
    with pytest.raises(WorkbenchError, match="the hub refuses it|does not answer"):
        BaseModel.find("owner/name", tmp_path / "x", allow_download=True)
    assert any("owner/name" in path for path in hub)


def test_a_hub_id_in_the_cache_is_found_without_a_network(
    base: BaseModel, hub: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = "0" * 40
    kept = tmp_path / "cache" / "models--owner--name"
    shutil.copytree(base.folder, kept / "snapshots" / commit)
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text(commit)
    found = BaseModel.find("owner/name", tmp_path / "x")
    assert found.digest() == base.digest()
    found.tokenizer()
    found.open(torch.device("cpu"), torch.float32)
    assert hub == []


def test_pickled_weights_are_not_read(base: BaseModel, tmp_path: Path) -> None:
    folder = shutil.copytree(base.folder, tmp_path / "base")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="no safetensors weights, and no others are read"):
        BaseModel.find("base", folder)


def test_code_beside_the_weights_is_never_run(base: BaseModel, tmp_path: Path) -> None:
    folder = shutil.copytree(base.folder, tmp_path / "base")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "evil", "auto_map": {"AutoConfig": "evil.C", "AutoModelForCausalLM": "evil.M"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(ModelError, match="it would need code of its own, which is never run"):
        BaseModel.find("base", folder).open(torch.device("cpu"), torch.float32)
    assert not (tmp_path / "ran").exists()


def test_a_broken_folder_is_one_sentence(base: BaseModel, tmp_path: Path) -> None:
    folder = shutil.copytree(base.folder, tmp_path / "base")
    (folder / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="language model 'base': cannot be loaded"):
        BaseModel.find("base", folder).open(torch.device("cpu"), torch.float32)
    (folder / "config.json").unlink()
    with pytest.raises(ModelError, match="its folder has no config.json"):
        BaseModel.find("base", folder)


def test_an_example_is_what_the_model_will_be_given_and_say(base: BaseModel, colours: Any) -> None:
    tokenizer = base.tokenizer()
    assert tokenizer.chat_template == TEMPLATE
    encoded = encode(tokenizer, colours[0])
    assert list(encoded.prompt) == prompt_tokens(tokenizer, colours[0][:-1])
    assert tokenizer.decode(encoded.prompt) == "<s>### user:\nred in French?\n\n### assistant:\n"
    assert tokenizer.decode(encoded.response) == "rouge</s>"


@pytest.mark.parametrize(
    ("template", "response"),
    [
        # ends a turn with more than the token that ends an answer
        (
            "{% for m in messages %}[{{ m.role }}]{{ m.content }}</s>\n{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}",
            "rouge</s>",
        ),
        # leaves out what the prompt shows, as templates of reasoning models do
        (
            "{% for m in messages %}{{ m.content }}</s>{% endfor %}{% if add_generation_prompt %}<think>{% endif %}",
            "rouge</s>",
        ),
        # never ends an answer
        (
            "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}",
            "rouge</s>",
        ),
    ],
)
def test_a_response_ends_once_whatever_the_template_does(
    base: BaseModel, colours: Any, template: str, response: str
) -> None:
    tokenizer = base.tokenizer()
    tokenizer.chat_template = template
    assert tokenizer.decode(encode(tokenizer, colours[0]).response) == response


def test_a_template_that_refuses_a_system_message_is_one_sentence(base: BaseModel, colours: Any) -> None:
    tokenizer = base.tokenizer()
    tokenizer.chat_template = "{{ raise_exception('no system message') if messages[0].role == 'system' }}"
    with pytest.raises(DataError, match=r"refuses messages of system, user \(no system message\)"):
        encode(tokenizer, [{"role": "system", "content": "Be brief."}, *colours[0]])
