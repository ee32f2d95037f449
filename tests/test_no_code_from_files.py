"""No code comes out of a file: what opens one builds tensors, numbers and texts only."""

import ast
import hashlib
import json
from pathlib import Path

import pytest
import torch
from torch import nn

from auffusion.config import read_config
from auffusion.errors import InputError
from auffusion.train.checkpoints import CheckpointStore
from auffusion.train.claim import claim
from auffusion.train.loop_settings import LoopSettings

SRC = Path(__file__).parents[1] / "src"
SOURCES = [path.relative_to(SRC).as_posix() for path in sorted(SRC.rglob("*.py"))]

# Who may import pickle (for the name of its error) and call torch.load(…, weights_only=True).
DOORS = {"auffusion/weights.py", "auffusion/pipeline/tiny_published.py"}
FORBIDDEN_MODULES = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal"}
FORBIDDEN_MODULES |= {"shelve", "jsonpickle"}


def dotted(node):
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([*([node.id] if isinstance(node, ast.Name) else ["?"]), *reversed(parts)])


def given(call, name):
    """The literal that a call gives for a keyword; "?" where it is computed."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value.value if isinstance(keyword.value, ast.Constant) else "?"
    return None


def call_faults(call, is_door):
    name = dotted(call.func)
    if name in {"eval", "exec", "compile", "__import__"}:
        yield name
    # Also by way of an alias: whatever module the function is taken from.
    last = name.rsplit(".", 1)[-1]
    owner = name.rsplit(".", 1)[0]
    plain = is_door and given(call, "weights_only") is True
    if name == "torch.load" and not plain:
        yield name
    if name in {"np.load", "numpy.load"} and given(call, "allow_pickle") is not False:
        yield name
    if owner == "yaml" and last in {"load", "load_all", "unsafe_load", "full_load"}:
        yield f"yaml.{last}"
    if last in {"read_pickle", "to_pickle"} or (last == "load_module" and owner != "self"):
        yield name
    if given(call, "trust_remote_code") not in {None, False}:
        yield "trust_remote_code"
    if given(call, "allow_pickle") not in {None, False}:
        yield "allow_pickle"
    if given(call, "weights_only") not in {None, True}:
        yield "weights_only"
    if given(call, "use_safetensors") is False:
        yield "use_safetensors"


def faults(text, *, is_door=False):
    for node in ast.walk(ast.parse(text)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
            # Taken out of its module, a loader would be called by its bare name.
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            if name.split(".")[0] in FORBIDDEN_MODULES and not is_door:
                yield name
            if name in {"torch.load", "numpy.load", "yaml.load", "torch.hub", "yaml.unsafe_load"}:
                yield name
        if isinstance(node, ast.Call):
            yield from call_faults(node, is_door)
        if isinstance(node, ast.Attribute) and dotted(node) in {"yaml.Loader", "yaml.UnsafeLoader"}:
            yield dotted(node)


def test_no_source_opens_files_in_a_way_that_could_run_them():
    assert len(SOURCES) > 100
    texts = {place: (SRC / place).read_text(encoding="utf-8") for place in SOURCES}
    found = {p: [*faults(text, is_door=p in DOORS)] for p, text in texts.items()}
    assert {place: what for place, what in found.items() if what} == {}
    assert set(SOURCES) >= DOORS


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from pickle import loads",
        "import torch\ntorch.load('x')",
        "import torch\ntorch.load('x', weights_only=True)",
        "from torch import load",
        "np.load('x')",
        "np.load('x', allow_pickle=True)",
        "np.load('x', allow_pickle=flag)",
        "yaml.load(text, yaml.SafeLoader)",
        "yaml.full_load(text)",
        "eval('1')",
        "exec('1')",
        "Model.from_pretrained('x', trust_remote_code=True)",
        "Model.from_pretrained('x', trust_remote_code=flag)",
        "import joblib",
        "pandas.read_pickle('x')",
    ],
)
def test_the_scan_finds_what_is_forbidden(text):
    assert [*faults(text)]


@pytest.mark.parametrize(
    "text",
    [
        "network.eval()",
        "np.load('x', allow_pickle=False)",
        "yaml.safe_load(text)",
        "module.compile()",
        "Model.from_pretrained('x', trust_remote_code=False)",
    ],
)
def test_the_scan_lets_pass_what_is_harmless(text):
    assert [*faults(text)] == []


def test_a_door_is_open_to_plain_weights_only():
    assert [*faults("torch.load('x', weights_only=True)", is_door=True)] == []
    assert [*faults("torch.load('x', weights_only=False)", is_door=True)]
    assert [*faults("torch.load('x')", is_door=True)]


class Payload:
    """Leaves a trace where it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return (Path.touch, (self.trace,))


@pytest.fixture
def trace(tmp_path):
    """Must not be there at the end."""
    path = tmp_path / "it-ran"
    yield path
    assert not path.exists()


@pytest.fixture
def payload(tmp_path, trace):
    """A pickled file that runs when it is opened by torch.load or pickle."""
    path = tmp_path / "payload.pt"
    torch.save(Payload(trace), path)
    torch.load(path, weights_only=False)
    # The payload works: else the tests would prove nothing.
    assert trace.exists()
    trace.unlink()
    return path.read_bytes()


@pytest.mark.parametrize("name", ["state.safetensors", "notes.json", "MANIFEST.json"])
def test_a_checkpoint_with_a_payload_is_damaged_and_nothing_else(tmp_path, payload, name):
    store = CheckpointStore(tmp_path)
    folder = store.save(1, nn.Linear(2, 2).state_dict(), {})
    (folder / name).write_bytes(payload)
    with pytest.raises(InputError, match="is damaged"):
        store.read(1)


def test_a_payload_that_the_manifest_vouches_for_is_no_safetensors_either(tmp_path, payload):
    store = CheckpointStore(tmp_path)
    folder = store.save(1, nn.Linear(2, 2).state_dict(), {})
    (folder / "state.safetensors").write_bytes(payload)
    manifest = json.loads((folder / "MANIFEST.json").read_text())
    manifest["state.safetensors"]["sha256"] = hashlib.sha256(payload).hexdigest()
    (folder / "MANIFEST.json").write_text(json.dumps(manifest))
    told = []
    with pytest.raises(InputError, match="no whole checkpoint left"):
        store.newest(told.append)
    assert "step-00000001" in told[0]


def test_other_files_in_a_checkpoint_are_not_opened(tmp_path, payload):
    store = CheckpointStore(tmp_path)
    folder = store.save(1, {"weight": torch.ones(2)}, {"a": 1})
    for name in ("optimizer.bin", "state.pt", "random_states_0.pkl", ".metadata", "scaler.pt"):
        (folder / name).write_bytes(payload)
    found = store.newest(pytest.fail)
    assert torch.equal(found.tensors["weight"], torch.ones(2))


def test_settings_with_a_payload_are_damaged(tmp_path, payload):
    (tmp_path / "settings.json").write_bytes(payload)
    with pytest.raises(InputError, match=r"settings\.json is damaged"):
        claim(tmp_path, {"seed": 1}, first=True)


def test_a_configuration_with_a_payload_is_no_toml(tmp_path, payload, trace):
    path = tmp_path / "run.toml"
    path.write_bytes(payload)
    with pytest.raises(InputError, match="is no TOML"):
        read_config(LoopSettings, path)
    text = f"__import__('pathlib').Path({str(trace)!r}).touch()"
    with pytest.raises(InputError, match="expected a whole number"):
        read_config(LoopSettings, None, [f"steps={text}"])
    with pytest.raises(InputError, match="which is not known"):
        read_config(LoopSettings, None, [f"__class__={text}"])
