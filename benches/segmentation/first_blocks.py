"""The first blocks of a DINOv2 of transformers, as a model of its own: a smaller backbone for trainings on a CPU.

    .venv/bin/python benches/segmentation/first_blocks.py FOLDER 6 OUT

needs safetensors and numpy. `FOLDER` has config.json and model.safetensors; the final norm is kept.
"""

import json
import pathlib
import re
import sys

from safetensors.numpy import load_file, save_file

source, count, target = pathlib.Path(sys.argv[1]), int(sys.argv[2]), pathlib.Path(sys.argv[3])
config = json.loads((source / "config.json").read_text())
if not 0 < count <= config["num_hidden_layers"]:
    sys.exit(f"blocks: expected 1 to {config['num_hidden_layers']}, found {count}")
config["num_hidden_layers"] = count


def kept(key):
    block = re.search(r"encoder\.layer\.(\d+)\.", key)
    return block is None or int(block[1]) < count


tensors = {key: values for key, values in load_file(source / "model.safetensors").items() if kept(key)}
target.mkdir(parents=True, exist_ok=True)
save_file(tensors, target / "model.safetensors", {"format": "pt"})
(target / "config.json").write_text(json.dumps(config, indent=2) + "\n")
